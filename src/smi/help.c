/* SPDX-License-Identifier: Apache-2.0 */
#include "smi/smi_ctx.h"

/* Our own words: NVIDIA's help describes hundreds of things that are not here. */
int smi_help(struct smi *smi)
{
	fprintf(smi->out,
		"NVIDIA System Management Interface -- v%s\n"
		"\n"
		"The part of its grammar that MIG work needs, as migkit understands it.\n"
		"\n"
		"nvidia-smi [OPTION1 [ARG1]] [OPTION2 [ARG2]] ...\n"
		"\n"
		"    -h,   --help                Print usage information and exit.\n"
		"    -L,   --list-gpus           Display a list of GPUs and their MIG devices.\n"
		"    <no arguments>              Show a summary of GPUs, MIG devices and processes.\n"
		"\n"
		"    --query-gpu=FIELD,...       Information about GPUs.\n"
		"    --query-compute-apps=FIELD,...\n"
		"                                Information about compute processes.\n"
		"    --format=csv[,noheader][,nounits]\n"
		"                                How a query is printed (mandatory).\n"
		"\n"
		"    -mig  --multi-instance-gpu= Enable or disable Multi Instance GPU: "
		"0/DISABLED, 1/ENABLED\n"
		"                                Requires root.\n"
		"    -pm,  --persistence-mode=   Set persistence mode: 0/DISABLED, 1/ENABLED\n"
		"    -r    --gpu-reset           Reset GPUs.\n"
		"\n"
		"    -i,   --id=                 Index, PCI bus id, UUID or serial number of the "
		"GPUs that are\n"
		"                                meant, separated by commas.\n"
		"\n"
		"    mig                         Provides controls for MIG management. "
		"\"nvidia-smi mig -h\" for more information.\n",
		smi->driver);
	return 0;
}
