/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of "nvidia-smi mig" that changed their widths: R470 made room for "+me" in names, R580
 * for "+me.all".
 */
#include "smi/dialect.h"

const struct smi_mig_format smi_mig_450 = {
	.gi_profiles_head =
		"+--------------------------------------------------------------------------+\n"
		"| GPU instance profiles:                                                   |\n"
		"| GPU   Name          ID    Instances   Memory     P2P    SM    DEC   ENC  |\n"
		"|                           Free/Total   GiB              CE    JPEG  OFA  |\n"
		"|==========================================================================|\n",
	.gi_profile = "| %3s  %-14s%3s     %-11s%-11s%-7s%-7s%-6s%-4s|\n"
		      "|                                                          %-6s%-6s%-4s|\n",
	.gi_profiles_line =
		"+--------------------------------------------------------------------------+\n",
	.gis_head = "+----------------------------------------------------+\n"
		    "| GPU instances:                                     |\n"
		    "| GPU   Name          Profile  Instance   Placement  |\n"
		    "|                       ID       ID       Start:Size |\n"
		    "|====================================================|\n",
	.gi = "| %3s  %-14s%5s%9s          %-8s|\n",
	.gis_line = "+----------------------------------------------------+\n",
};

const struct smi_mig_format smi_mig_470 = {
	.gi_profiles_head =
		"+-----------------------------------------------------------------------------+\n"
		"| GPU instance profiles:                                                      |\n"
		"| GPU   Name             ID    Instances   Memory     P2P    SM    DEC   ENC  |\n"
		"|                              Free/Total   GiB              CE    JPEG  OFA  |\n"
		"|=============================================================================|\n",
	.gi_profile =
		"| %3s  %-17s%3s     %-11s%-11s%-7s%-7s%-6s%-4s|\n"
		"|                                                             %-6s%-6s%-4s|\n",
	.gi_profiles_line =
		"+-----------------------------------------------------------------------------+\n",
	.gis_head = "+-------------------------------------------------------+\n"
		    "| GPU instances:                                        |\n"
		    "| GPU   Name             Profile  Instance   Placement  |\n"
		    "|                          ID       ID       Start:Size |\n"
		    "|=======================================================|\n",
	.gi = "| %3s  %-17s%5s%9s          %-8s|\n",
	.gis_line = "+-------------------------------------------------------+\n",
};

const struct smi_mig_format smi_mig_580 = {
	.gi_profiles_head =
		"+-------------------------------------------------------------------------------+\n"
		"| GPU instance profiles:                                                        |\n"
		"| GPU   Name               ID    Instances   Memory     P2P    SM    DEC   ENC  |\n"
		"|                                Free/Total   GiB              CE    JPEG  OFA  |\n"
		"|===============================================================================|\n",
	.gi_profile =
		"| %3s  %-19s%3s     %-11s%-11s%-7s%-7s%-6s%-4s|\n"
		"|                                                               %-6s%-6s%-4s|\n",
	.gi_profiles_line =
		"+-------------------------------------------------------------------------------+\n",
	.gis_head = "+---------------------------------------------------------+\n"
		    "| GPU instances:                                          |\n"
		    "| GPU   Name               Profile  Instance   Placement  |\n"
		    "|                            ID       ID       Start:Size |\n"
		    "|=========================================================|\n",
	.gi = "| %3s  %-19s%5s%9s          %-8s|\n",
	.gis_line = "+---------------------------------------------------------+\n",
};
