/* SPDX-License-Identifier: Apache-2.0 */
#include "base/util.h"
#include "fuzz/replay.h"
#include "spec/machine_yaml.h"

/* The machine parser: it refuses with a sentence, or gives a machine within a lab's bounds. */

static void check(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mig_source sources[64];
	struct spec_board_env env = { .sources = sources };
	struct mig_error err = { 0 };
	static struct mig_machine m;

	while (env.n_sources < ARRAY_SIZE(sources) && mig_source_at(env.n_sources)) {
		sources[env.n_sources] = *mig_source_at(env.n_sources);
		env.n_sources++;
	}
	if (spec_machine_parse("fuzz", (const char *)data, size, &env, &m, &err) < 0) {
		check(strncmp(err.msg, "fuzz:", 5) == 0);
		return 0;
	}
	check(m.n_gpus >= 1 && m.n_gpus <= MIG_MACHINE_GPUS && m.key[0] && m.title[0]);
	check(m.n_nodes >= 1 && m.n_nodes <= MIG_MACHINE_NODES && m.nodes_per_socket);
	check(m.n_nodes % m.nodes_per_socket == 0 && m.nvlink <= MIG_NVLINK_PAIRS);
	for (unsigned i = 0; i < m.n_gpus; i++)
		check(m.gpu[i].board[0] && m.gpu[i].node < m.n_nodes);
	return 0;
}

#ifndef FUZZ_ENGINE
int main(int argc, char **argv)
{
	return replay(argc, argv);
}
#endif
