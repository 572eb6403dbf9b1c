# SPDX-License-Identifier: Apache-2.0
# A thin door to Meson: what to type, not how to build.
#
#   make           build into build/: build/migctl, build/sim/libnvidia-ml.so.1 (and one
#                  for each driver branch: build/sim-branch/)
#   make run       the whole MIG lesson on a simulated A100
#   make test      everything that shows that this works
#   make install   into PREFIX (below DESTDIR)
#   make deb       Debian packages: build/deb/*.deb
#   make dist      build/dist/migkit-VERSION.tar.xz, which builds and is tested without git
#   make fmt       format the C files
#   make bench     how fast the simulated driver, the planner and migctl answer
#   make check-long  the planner against many more questions, five minutes of every fuzz target
#
# run, test, deb, fmt, bench and check-long install the Debian packages that they lack, and name them first.

BUILD = build
PREFIX = /usr/local
DESTDIR =

.PHONY: all run test check-long install deb dist fmt bench clean
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

deb:
	@tools/need --install build deb
	@tools/deb $(BUILD)/deb

dist:
	@tools/dist $(BUILD)/dist

fmt:
	@tools/need --install fmt
	find include src tests tools -name '*.[ch]' -exec clang-format-14 -i {} +

bench:
	@tools/need --install build
	@tools/build --quiet $(BUILD)
	meson test -C $(BUILD) --no-rebuild --benchmark --verbose

clean:
	rm -rf $(BUILD)
