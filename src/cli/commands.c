/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cmd.h"

/* Every command of migctl. The order is that of the overview. */
const struct cli_cmd cli_commands[] = {
	{ .name = "status",
	  .group = "What there is",
	  .summary = "Each GPU as a picture of its slices: instances, ids, who runs there",
	  .details = "It is also what migctl does without a command: 'migctl -i 1' shows one GPU. "
		     "Below each picture stands what is free, and whether the instances lie so "
		     "that less fits than could.",
	  .opts = status_opts,
	  .fn = cmd_status },
	{ .name = "who",
	  .group = "What there is",
	  .args = "[GPU | GPU/GI | GPU/GI/CI | MIG-UUID]",
	  .summary = "Every process that holds a GPU or a part of it, and what has to stop",
	  .details =
		  "By the driver's lists and by the device files that processes have open; in a lab "
		  "by its clients. Below it stands what has to stop before a change of MIG mode, a "
		  "reset, or the end of an instance.",
	  .opts = who_opts,
	  .max_args = 1,
	  .fn = cmd_who },
	{ .name = "devices",
	  .group = "What there is",
	  .summary = "The MIG devices: UUIDs, places, files, and lines for CUDA_VISIBLE_DEVICES",
	  .opts = devices_opts,
	  .fn = cmd_devices },
	{ .name = "profiles",
	  .group = "What there is",
	  .args = "[BOARD]",
	  .summary = "What can be cut out of a GPU, or of a board, and how many more are free",
	  .details = "FREE is what the driver says can still be created. A figure with ? behind it "
		     "is one that no output of hardware confirms. BOARD is a key or a board file; "
		     "without it the GPUs are asked.",
	  .opts = profiles_opts,
	  .max_args = 1,
	  .fn = cmd_profiles },
	{ .name = "boards",
	  .group = "What there is",
	  .args = "[BOARD | -i GPU]",
	  .summary = "The GPUs with MIG that are known: profiles, and what hardware has confirmed",
	  .details =
		  "A figure with ? behind it is one that no hardware output confirms; its source "
		  "says where it is from. A board that cannot be simulated lacks figures that no "
		  "source gives.",
	  .opts = boards_opts,
	  .max_args = 1,
	  .fn = cmd_boards },
	{ .name = "layouts",
	  .group = "What there could be",
	  .args = "[BOARD]",
	  .summary = "Which combinations of instances a board allows, drawn and numbered",
	  .details =
		  "Without options those to which nothing can be added, of the plain profiles: the "
		  "figure of NVIDIA's guide. BOARD is a key of 'migctl boards' or a board file; "
		  "without it, the board of the GPU (-i).",
	  .opts = layouts_opts,
	  .max_args = 1,
	  .fn = cmd_layouts },
	{ .name = "plan",
	  .group = "What there could be",
	  .args = "[Nx]PROFILE[@START]... | --need NEED...",
	  .summary = "How to come to a layout: what goes, what comes, in which order",
	  .details =
		  "The words are the whole layout that the GPU is to have: instances that are not "
		  "among them go, except those in use and those of --keep. Nothing is changed; "
		  "what is printed can be pasted. If it does not fit, it says why and what would, "
		  "with exit code 3.",
	  .opts = plan_opts,
	  .max_args = CMD_ANY,
	  .fn = cmd_plan },
	{ .name = "explain",
	  .group = "What there could be",
	  .args = "PROFILE[@START]",
	  .summary = "Whether one more instance can be created, what is in the way, and what helps",
	  .details =
		  "PROFILE is that of a GPU instance, such as 3g.40gb, or of a compute instance, "
		  "such as 1c.3g.40gb. Changes that make room come with the smallest first, those "
		  "that lose nothing before those that destroy; what is in use or kept is never "
		  "part of one. Exit code 3: it cannot be created as it is.",
	  .opts = explain_opts,
	  .min_args = 1,
	  .max_args = 1,
	  .fn = cmd_explain },
	{ .name = "draw",
	  .group = "What there could be",
	  .args = "[--layout | --plan] [[N x]PROFILE[@START]]...",
	  .summary = "Pictures for a document: GPUs, a layout, a plan, all that a board can hold",
	  .details =
		  "Without --layout, --plan, --maximal or --board the GPUs are drawn as they are. A "
		  "board by itself is drawn as all its maximal layouts. The SVG has text as text, "
		  "every part with an id and a title, and follows the page into light or dark. "
		  "Without --svg the picture is drawn on the terminal; -o json and csv list its parts.",
	  .opts = draw_opts,
	  .max_args = CMD_ANY,
	  .fn = cmd_draw },
	{ .name = "snapshot",
	  .group = "Kept for later",
	  .args = "FILE | -",
	  .summary = "Record the whole state of a machine, for --snapshot of the reading commands",
	  .details =
		  "Only reads. A recording that is there is replaced, any other file is not. - is "
		  "the standard output.",
	  .opts = snapshot_opts,
	  .min_args = 1,
	  .max_args = 1,
	  .fn = cmd_snapshot },
	{ .name = "boards capture",
	  .group = "Kept for later",
	  .args = "FILE.yaml",
	  .summary = "Write a GPU's board file from what NVML says; only reads",
	  .details =
		  "'migctl lab create --board FILE.yaml' then simulates that GPU. What NVML does "
		  "not say (without instances: compute instances and the numbering of GPU "
		  "instances) follows the chip's family, and is marked unconfirmed. Best "
		  "captured idle, with MIG off.",
	  .opts = boards_capture_opts,
	  .min_args = 1,
	  .max_args = 1,
	  .fn = cmd_boards_capture },
	{ .name = "smi",
	  .group = "The tools",
	  .args = "[NVIDIA-SMI OPTIONS]...",
	  .summary = "nvidia-smi's own grammar, in the words of the driver's version",
	  .details = "All of its tables, -i, -L, -mig, -pm, --gpu-reset, --query-gpu=, "
		     "--query-compute-apps= and mig with its options; 'migctl smi -h' and 'migctl "
		     "smi mig -h' list them. The same program under the name nvidia-smi behaves as "
		     "this command.",
	  .flags = CMD_RAW,
	  .fn = cmd_smi },
	{ .name = "lesson",
	  .group = "The tools",
	  .summary = "See MIG from the first command to the last, on a simulated A100",
	  .details =
		  "Plays a whole lesson in a lab of its own, which is gone afterwards: every command "
		  "is really run, and no real GPU is touched.",
	  .opts = lesson_opts,
	  .fn = cmd_lesson },
	{ .name = "help",
	  .group = "The tools",
	  .args = "[COMMAND | TOPIC]",
	  .summary = "How a command is used, or how MIG works",
	  .max_args = CMD_ANY,
	  .fn = cmd_help },
	{ .name = "lab create",
	  .group = "The lab: a simulated machine with GPUs",
	  .args = "[NAME] --board KEY[:COUNT]|FILE.yaml ... | --machine KEY --driver VERSION",
	  .summary = "Make a lab",
	  .details = "Without NAME it is called \"default\", or \"default-2\" and so on where that "
		     "is taken. Making a lab does not choose it: see 'lab use' and 'lab shell'.",
	  .opts = lab_create_opts,
	  .max_args = 1,
	  .fn = cmd_lab_create },
	{ .name = "lab list",
	  .group = "The lab: a simulated machine with GPUs",
	  .summary = "List your labs",
	  .opts = lab_list_opts,
	  .fn = cmd_lab_list },
	{ .name = "lab status",
	  .group = "The lab: a simulated machine with GPUs",
	  .args = "[NAME]",
	  .summary = "Show a lab's GPUs, instances and clients",
	  .opts = lab_status_opts,
	  .max_args = 1,
	  .fn = cmd_lab_status },
	{ .name = "lab shell",
	  .group = "The lab: a simulated machine with GPUs",
	  .args = "[NAME] [-c COMMAND | -- COMMAND [ARGUMENT]...]",
	  .summary = "A shell in which nvidia-smi and every NVML program see the lab",
	  .details =
		  "sudo, killall, pkill, shutdown, reboot, poweroff, halt and systemctl are the lab's own in it "
		  "and act on the lab only.",
	  .opts = lab_shell_opts,
	  .max_args = 1,
	  .fn = cmd_lab_shell },
	{ .name = "lab exec",
	  .group = "The lab: a simulated machine with GPUs",
	  .args = "[NAME] [--proc] -- COMMAND [ARGUMENT]...",
	  .summary = "Run a program on the lab's machine: its driver, its files, your user",
	  .details =
		  "The lab's /proc/driver/nvidia, /dev/nvidia*, PCI tree and so on are in place of "
		  "the host's for this program alone, where the kernel allows it; what is missing "
		  "is said. The host is not touched.",
	  .opts = lab_exec_opts,
	  .max_args = CMD_ANY,
	  .fn = cmd_lab_exec },
	{ .name = "lab use",
	  .group = "The lab: a simulated machine with GPUs",
	  .args = "NAME | --none",
	  .summary = "Choose the lab that migctl talks to where MIGKIT_LAB is not set",
	  .opts = lab_use_opts,
	  .max_args = 1,
	  .fn = cmd_lab_use },
	{ .name = "lab env",
	  .group = "The lab: a simulated machine with GPUs",
	  .args = "[NAME]",
	  .summary = "Lines for a shell to eval, so that NVML programs see the lab",
	  .max_args = 1,
	  .fn = cmd_lab_env },
	{ .name = "lab path",
	  .group = "The lab: a simulated machine with GPUs",
	  .args = "[NAME]",
	  .summary = "Print the lab's folder, as MIGKIT_LAB takes it",
	  .details =
		  "It is also the root of the lab's machine: proc, dev, sys and usr in it are what "
		  "a driver has there, and follow the layout. Programs that take a driver root "
		  "can be given it.",
	  .max_args = 1,
	  .fn = cmd_lab_path },
	{ .name = "lab set",
	  .group = "The lab: a simulated machine with GPUs",
	  .args = "GPU[/GI] KEY=VALUE...",
	  .summary = "Fix readings of a GPU or of a GPU instance",
	  .details = "Power is in watts, memory in MiB unless it has a unit (2GiB); the value "
		     "\"auto\" gives a reading back to the simulation. All of them are set, or "
		     "none.",
	  .opts = lab_set_opts,
	  .min_args = 2,
	  .max_args = CMD_ANY,
	  .fn = cmd_lab_set },
	{ .name = "lab inject",
	  .group = "The lab: a simulated machine with GPUs",
	  .args = "GPU[/GI[/CI]] EVENT...",
	  .summary = "Let something happen to a GPU or to an instance",
	  .details =
		  "EVENT is xid=NUMBER, single-bit-ecc or double-bit-ecc. Programs that wait for "
		  "such events get them; the errors count. After xid=79 the GPU is off the bus "
		  "until 'lab reboot'.",
	  .opts = lab_inject_opts,
	  .min_args = 2,
	  .max_args = CMD_ANY,
	  .fn = cmd_lab_inject },
	{ .name = "lab reboot",
	  .group = "The lab: a simulated machine with GPUs",
	  .args = "[NAME]",
	  .summary = "Do to the GPUs what a reboot of the machine does",
	  .max_args = 1,
	  .fn = cmd_lab_reboot },
	{ .name = "lab destroy",
	  .group = "The lab: a simulated machine with GPUs",
	  .args = "[NAME]",
	  .summary = "End a lab's clients and remove it",
	  .max_args = 1,
	  .fn = cmd_lab_destroy },
	{ .name = "lab boards",
	  .group = "The lab: a simulated machine with GPUs",
	  .summary = "List the boards that --board knows",
	  .opts = lab_boards_opts,
	  .fn = cmd_lab_boards },
	{ .name = "lab machines",
	  .group = "The lab: a simulated machine with GPUs",
	  .summary = "List the machines that --machine knows",
	  .opts = lab_machines_opts,
	  .fn = cmd_lab_machines },
	{ .name = "lab rules",
	  .group = "The lab: a simulated machine with GPUs",
	  .summary = "List the rules that --rule can switch",
	  .opts = lab_rules_opts,
	  .fn = cmd_lab_rules },
	{ .name = "lab client start",
	  .group = "Processes on a lab's GPUs",
	  .summary = "Start a process that holds a GPU or a MIG device until it ends",
	  .details = "With --memory or --device it is a compute process and is listed by "
		     "nvidia-smi; otherwise it only has the GPU open, as nvidia-persistenced has.",
	  .opts = lab_client_start_opts,
	  .fn = cmd_lab_client_start },
	{ .name = "lab client list",
	  .group = "Processes on a lab's GPUs",
	  .summary = "List the lab's clients",
	  .opts = lab_client_list_opts,
	  .fn = cmd_lab_client_list },
	{ .name = "lab client stop",
	  .group = "Processes on a lab's GPUs",
	  .args = "PID|NAME... | --all",
	  .summary = "End clients of the lab",
	  .opts = lab_client_stop_opts,
	  .max_args = CMD_ANY,
	  .fn = cmd_lab_client_stop },
	{ .name = NULL },
};
