# SPDX-License-Identifier: Apache-2.0
"""The situations of doc/situations.md: how each is made, what is tried in it, and what mends it."""
import dataclasses

A100, HOPPER = "a100-40gb-sxm", "h100-80gb-sxm"
KILL = r"kill \d+"


@dataclasses.dataclass
class Case:
    title: str
    why: str  # what people meet
    met: str  # where
    theirs: list  # commands of NVIDIA's nvidia-smi
    ours: list  # commands of migctl
    says: list  # what must be in migctl's words: the cause
    mend: list  # regular expressions of the commands in its words, each of which is run as it stands there
    board: str = A100
    make: list = ()  # commands in the lab's shell that make it
    then: list = None  # what works after that; the last command of ours
    end: tuple = ("mig -lgi", "")  # NVIDIA's nvidia-smi afterwards, and what must be in it
    lines: str = ""  # of longer outputs the page has the lines with one of these words alone
    hold: str = ""  # a program that runs meanwhile on the lab's machine
    user: bool = False  # tried as an ordinary user, mended by root
    nodes: bool = False  # needs device nodes, which root alone makes
    permissions: str = "owner"
    also: list = ()  # done between the first words and the mending: what the trouble was made of


ON = "migctl mode on -i 0"
THREE = [ON, "migctl create -i 0 3g.20gb@4 2g.10gb@2 1g.5gb@0"]
MODES = "--query-gpu=index,mig.mode.current,mig.mode.pending --format=csv,noheader"
LIST = "-L"
DAEMON = "migctl lab client start --name nvidia-persistenced"
TRAIN = "migctl lab client start --name train --device 0/1/0 --memory 1GiB"

MODE = [
    Case("MIG mode does not go on: a daemon has the GPU open",
         "nvidia-persistenced, DCGM, a monitor or X keeps an Ampere GPU from its reset. The mode stays pending, and "
         "nobody says who it is.",
         "mig-parted#181, gpu-operator#118, #668, #1845, k8s-device-plugin#201",
         ["-i 0 -mig 1"], [ON], ["GPU 0 is held by nvidia-persistenced"], [KILL],
         make=[DAEMON], end=(MODES, "0, Enabled, Enabled")),
    Case("A reset is refused",
         "The same by hand: the reset that would bring the pending mode fails for a reason without a name.",
         "gpu-operator#1606, #1361, puppet-magic_castle#387",
         ["-i 0 --gpu-reset"], ["migctl reset -i 0"], ["GPU 0 is held by dcgm"], [KILL],
         make=["migctl lab client start --name dcgm --gpu 0"], end=(MODES, "0, Disabled, Disabled")),
    Case("The mode was set and waits for a reset",
         "Everything after it fails as if MIG were off, since it is.",
         "mig-parted#9, gpu-operator#118",
         ["mig -i 0 -cgi 9 -C"], ["migctl create -i 0 3g.20gb"], ["on only after a reset"], [r"migctl reset -i 0"],
         make=[DAEMON, "nvidia-smi -i 0 -mig 1", "migctl lab client stop --all"],
         end=("mig -lgi", "MIG 3g.20gb")),
    Case("Instances are asked for while MIG mode is off",
         "Nothing is made, and scripts go on: NVIDIA's tool calls it no error.",
         "mig-parted#18, #97",
         ["mig -i 0 -cgi 9 -C"], ["migctl create -i 0 3g.20gb"], ["MIG mode of GPU 0 is off"], [r"migctl mode on -i 0"],
         end=("mig -lgi", "MIG 3g.20gb")),
    Case("MIG mode was to change on one GPU",
         "Without -i every GPU of the machine is changed and reset, those of other people as well.",
         "mig-parted#357, gpu-operator#2376",
         ["-mig 1"], ["migctl mode on"], ["of which GPU? There are 2", "-i 0"], [], board=f"{A100}:2",
         then=[ON], end=(MODES, "1, Disabled, Disabled")),
    Case("MIG mode off while instances are there",
         "On Hopper the driver refuses without a reason; on Ampere it waits for a reset that ends them.",
         "gpu-operator#1361, k8s-device-plugin#240",
         ["-i 0 -mig 0"], ["migctl mode off -i 0"], ["GPU 0 has 2 GPU instances"], [r"migctl destroy -i 0 all"],
         board=HOPPER, make=[ON, "migctl create -i 0 3g.40gb 1g.10gb"], end=(MODES, "0, Disabled, Disabled")),
]
BUSY = [
    Case("A program computes on the instance that is to go",
         "The most returned sentence of MIG: in use by another client. It has a name.",
         "DCGM#276, go-nvml#146, HAMi#1088",
         ["mig -i 0 -gi 1 -dci", "mig -i 0 -gi 1 -dgi"], ["migctl destroy 0/1"],
         ["GPU instance 1 of GPU 0 is held by train"], [KILL], make=[*THREE, TRAIN],
         end=("mig -lgi", "MIG 2g.10gb")),
    Case("The same, and it may finish first",
         "People write loops that try again and again.",
         "gpu-operator#262, k8s-device-plugin#180",
         ["mig -i 0 -gi 1 -dci"], ["migctl destroy 0/1"], ["held by train", "wait with --wait"], [],
         make=[*THREE, TRAIN], then=["(sleep 1; killall train) & migctl destroy 0/1 --wait 30; wait"],
         end=("mig -lgi", "MIG 2g.10gb")),
    Case("A destroy fails, and no process is listed",
         "A program that only has the instance's device file open is in no list of the driver's. On hardware that "
         "keeps the instance; in a lab a fault says so.",
         "DCGM#276, #95, go-nvml#146",
         ["mig -i 0 -gi 1 -dci", "--query-compute-apps=pid,name --format=csv"], ["migctl destroy 0/1", "migctl who 0/1 -o csv"],
         ["IN_USE", "'migctl who'", "nvidia-cap13"], [], make=[
             *THREE, "migctl lab fault add nvmlComputeInstanceDestroy --return IN_USE"],
         hold="/dev/nvidia-caps/nvidia-cap13", nodes=True, also=["migctl lab fault clear --all"],
         then=["migctl destroy 0/1"], end=("mig -lgi", "MIG 2g.10gb"), lines="cannot gpu, files"),
    Case("GPU instances do not go, and nobody uses them",
         "Their compute instances must go before, in a command of its own, which the words do not tell.",
         "HAMi#1088, mig-parted#29",
         ["mig -i 0 -dgi"], ["migctl destroy --dry-run 0/1"],
         ["destroy compute instance 0", "destroy GPU instance 1"], [], make=THREE,
         then=["migctl destroy 0/1"], end=("mig -lgi", "MIG 2g.10gb")),
    Case("The first instance does not come: a program has the whole GPU",
         "On Hopper MIG mode goes on beneath a running program, which keeps the GPU whole for as long as it lives.",
         "gpu-operator#1845, k8s-device-plugin#201",
         ["mig -i 0 -cgi 9 -C"], ["migctl create -i 0 3g.40gb"], ["GPU 0 is held by train"], [KILL], board=HOPPER,
         make=["migctl lab client start --name train --gpu 0 --memory 1GiB", "migctl mode on -i 0"],
         end=("mig -lgi", "MIG 3g.40gb")),
]
LAYOUT = [
    Case("Enough is free, and it does not fit",
         "The driver put small instances where a large one would have to start.",
         "dra-driver-nvidia-gpu#933, #35, HAMi#2831, instaslice-operator#458",
         ["mig -i 0 -cgi 9 -C"], ["migctl create -i 0 3g.20gb", "migctl explain -i 0 3g.20gb"],
         ["no room for it beside", "'migctl explain'", "IN THE WAY", "GI 5 (2g.10gb)"], [r"sudo nvidia-smi mig -i 0 .*"], then=[],
         make=[ON, "nvidia-smi mig -i 0 -cgi 19,19,14 -C"],
         lines="room No: START (2g (1g sudo", end=("mig -lgi", "MIG 3g.20gb")),
    Case("The last of several does not fit",
         "The others stay, and the machine has a layout that nobody asked for.",
         "dra-driver-nvidia-gpu#1452, #149, mig-parted#29",
         ["mig -i 0 -cgi 9,14,14,14", "mig -lgi"], ["migctl create -i 0 3g.20gb 3x2g.10gb"],
         ["10 memory slices", "has 8", "nothing was changed"], [], make=[ON],
         then=["migctl create -i 0 3g.20gb 2x2g.10gb"],
         end=("mig -lgi", "MIG 3g.20gb")),
    Case("A profile of another board",
         "3g.40gb is half of an A100 with 80 GB; with 40 GB the half is called 3g.20gb. Tools made nothing and "
         "reported success.",
         "HAMi#2131, gpu-operator#603, mig-parted#18",
         ["mig -i 0 -cgi 3g.40gb -C"], ["migctl create -i 0 3g.40gb"], ["no 3g.40gb; nearest: 3g.20gb"], [], make=[ON],
         then=["migctl create -i 0 3g.20gb"], end=("mig -lgi", "MIG 3g.20gb")),
    Case("A GPU instance without a compute instance",
         "It takes its place and no program can use it; most tools do not see it at all.",
         "dra-driver-nvidia-gpu#1452, mig-parted#29, HAMi#1088",
         [LIST], ["migctl doctor"], ["has no compute instance"], [r"sudo migctl create 0/1/3g\.20gb"],
         make=[ON, "nvidia-smi -i 0 -pm 1", "nvidia-smi mig -i 0 -cgi 9"], end=(LIST, "MIG 3g.20gb")),
    Case("A tool was killed half way",
         "The instances of before are gone, some of the new ones are there, and nothing tells which.",
         "dra-driver-nvidia-gpu#1452, gpu-operator#2833",
         [LIST], ["migctl create -i 0 1g.5gb"], ["cut off half way"], [r"migctl recover"],
         make=[ON, "migctl lab fault add group:create --nth 3 --kill after",
               "! migctl create -i 0 3g.20gb 2g.10gb", "migctl lab fault clear --all"],
         end=("mig -lgi", "MIG 1g.5gb")),
    Case("After a reboot the instances are gone",
         "They never survive one. What they were is in nobody's memory.",
         "k8s-device-plugin#225, #343, gpu-operator#2600",
         [LIST], ["migctl history -o csv"], ["3g.20gb@4"], [r"migctl create [^,]*"], then=[],
         make=[*THREE, "migctl lab reboot"], end=("mig -lgi", "MIG 1g.5gb")),
    Case("MIG mode is on and nothing is cut",
         "slurmd does not start, one such GPU stops the device plugin for all the others.",
         "deepops#894, puppet-magic_castle#273, k8s-device-plugin#767",
         [LIST], ["migctl doctor"], ["it is in MIG mode and has no GPU instance"], [r"sudo nvidia-smi .* -C"], make=[ON, "nvidia-smi -i 0 -pm 1"],
         end=("mig -lgi", "MIG")),
]
FILES = [
    Case("The device file of an instance is missing",
         "nvidia-smi and NVML show the instance as ever; CUDA does not start on it.",
         "nvidia-container-toolkit#842, #1363, k8s-device-plugin#1683",
         [LIST], ["migctl doctor"], ["/dev/nvidia-caps/nvidia-cap13 is missing"], [r"sudo mknod .*|mknod .*"],
         make=["nvidia-smi -i 0 -pm 1", *THREE, "rm $MIGKIT_LAB/dev/nvidia-caps/nvidia-cap13"], nodes=True),
    Case("The device file has a mode that keeps users out",
         "Root's tests pass, users' programs do not start.",
         "gpu-operator#685, gpu-feature-discovery#6",
         [LIST], ["migctl doctor"], ["has the mode 0400", "0444"], [r"sudo chmod .*"],
         make=["nvidia-smi -i 0 -pm 1", *THREE, "cp -a $MIGKIT_LAB/dev/nvidia-caps/nvidia-cap13 $MIGKIT_LAB/own",
               "mv $MIGKIT_LAB/own $MIGKIT_LAB/dev/nvidia-caps/nvidia-cap13",
               "chmod 0400 $MIGKIT_LAB/dev/nvidia-caps/nvidia-cap13"], nodes=True),
    Case("Slurm's file shows a layout of before",
         "Instances changed, gres.conf did not: slurmd gives out device files of nobody.",
         "deepops#1146, #1214, ansible-slurm-appliance#656",
         [LIST], ["migctl doctor"], ["gres.conf shows an old layout", "nvidia-cap13"], [r"sudo sed .*"],
         make=["nvidia-smi -i 0 -pm 1", *THREE, "mkdir -p $MIGKIT_LAB/etc/slurm",
               "for n in 13 58 103; do echo Name=gpu MultipleFiles=/dev/nvidia0,/dev/nvidia-caps/nvidia-cap$((n - 1)),"
               "/dev/nvidia-caps/nvidia-cap$n; done >$MIGKIT_LAB/etc/slurm/gres.conf",
               "nvidia-smi mig -i 0 -gi 1 -dci", "nvidia-smi mig -i 0 -gi 1 -dgi"]),
]
WHO = [
    Case("An ordinary user changes MIG mode",
         "Insufficient Permissions; which permission, on which file, is not said.",
         "k8s-device-plugin#399, #229, nvidia-container-toolkit#86",
         ["-i 0 -mig 1"], [ON], ["needs root", "/dev/nvidia-caps/nvidia-cap1 has the mode 0400", "no container"], [r"sudo migctl [^']*"], then=[], user=True, permissions="real", end=(MODES, "0, Enabled, Enabled")),
    Case("A UUID where a program wants a number",
         "Programs take MIG-... for an index, and an index for the whole GPU.",
         "vllm#6551, #17047, ray#32778, dask-cuda#583",
         ["-i MIG-UUID --query-gpu=name --format=csv"], ["migctl destroy 1", "migctl devices"],
         ["'1' names no instance", "a MIG device by its UUID"], [], make=THREE,
         then=["migctl destroy MIG-UUID"], end=(LIST, "MIG 2g.10gb")),
    Case("The GPU needs a reset",
         "After an error all of its instances are lost to programs.",
         "k8s-device-plugin#466, gpu-operator#2155",
         ["-i 0"], ["migctl doctor"], ["needs a reset"], [r"sudo nvidia-smi -i 0 --gpu-reset"], make=[
             "nvidia-smi -i 0 -pm 1", "migctl lab inject 0 needs-reset"], end=(MODES, "0, Disabled, Disabled")),
]
PARTS = [("MIG mode", MODE), ("In use by another client", BUSY), ("Layouts", LAYOUT), ("Files", FILES),
         ("Who and which", WHO)]
