# SPDX-License-Identifier: Apache-2.0
# A thin door to Meson: what to type, not how to build.
#
#   make           build into build/: build/migctl, build/sim/libnvidia-ml.so.1 (and one
#                  for each driver branch: build/sim-branch/)
#   make run       the whole MIG lesson on a simulated A100
#   make test      everything that shows that this works
#   make install   into PREFIX (below DESTDIR)
#   make fmt       format the C files
#   make bench     how fast the simulated driver, the planner and migctl answer
#   make check-long  the planner against many more questions, five minutes of every fuzz target
#
# run, test, fmt, bench and check-long install the Debian packages that they lack, and name them first.

BUILD = build
PREFIX = /usr/local
DESTDIR =

.PHONY: all run test check-long install fmt bench clean
.NOTPARALLEL:

all:
	@tools/need build
	@tools/build $(BUILD)

run:
	@tools/need --install build
	@tools/build --quiet $(BUILD)
	@$(BUILD)/migctl lesson

test:
	@tools/need --install build test
	@python3 tests/run.py $(BUILD)

check-long:
	@tools/need --install build test long
	@tools/build --quiet $(BUILD)
	@python3 tests/long.py $(BUILD)

install:
	@tools/need build
	@tools/build $(BUILD) -Dprefix=$(PREFIX)
	meson install -C $(BUILD) --no-rebuild $(if $(DESTDIR),--destdir $(DESTDIR))

fmt:
	@tools/need --install fmt
	git ls-files -co --exclude-standard '*.c' '*.h' | xargs -r clang-format-14 -i

bench:
	@tools/need --install build
	@tools/build --quiet $(BUILD)
	meson test -C $(BUILD) --no-rebuild --benchmark --verbose

clean:
	rm -rf $(BUILD)
