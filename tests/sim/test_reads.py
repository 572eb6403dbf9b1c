#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""Reading takes no lock and makes no system call: every reading function that has an answer is called
with all its arguments under a filter that lets no system call through, while another thread changes the
layout. Who reads /proc or asks the kernel whether a process lives is named here, with the reason.
"""
import os
import pathlib
import tempfile

import driver
import reading

# Not answered from the lab alone, whatever is in it.
HOST = {"nvmlSystemGetProcessName": "reads the name of a process of the host in its /proc"}
# Where the lab has a client on the GPU: whether it lives is known to the kernel alone, by its lock.
HOLDERS = {
    "nvmlDeviceGetComputeRunningProcesses": "lists the clients that live",
    "nvmlDeviceGetComputeRunningProcesses_v2": "lists the clients that live",
    "nvmlDeviceGetComputeRunningProcesses_v3": "lists the clients that live",
    "nvmlDeviceGetRunningProcessDetailList": "lists the clients that live",
    "nvmlDeviceGetMemoryInfo": "counts the memory of the clients that live",
    "nvmlDeviceGetMemoryInfo_v2": "counts the memory of the clients that live",
}
# The system call that asks for a lock, and the one that tells whether the caller is the client itself.
ASKS = {"x86_64": {72: "fcntl", 39: "getpid"}, "aarch64": {25: "fcntl", 172: "getpid"}}
LABS = {"A100 with instances": lambda: reading.lab(),
        "H100, the first with instances": lambda: reading.lab("h100-80gb-sxm:3")}


def judge(what, report, exempt, found):
    answered = set()
    for name, row in report.items():
        if row["answers"]:
            answered.add(name)
        if name in exempt:
            found.same(f"{what}: {name}, which {exempt[name]}, makes a system call", row["system_call"] >= 0,
                       True)
            continue
        found.same(f"{what}: {name} makes system call", row["system_call"], -1)
        found.same(f"{what}: {name}: wait status", row["status"], 0)
        found.same(f"{what}: {name} ran beside changes", row["changes"] > 0, True)
    return answered


def main():
    found = driver.Findings()
    names, answered = reading.names(), set()
    with tempfile.TemporaryDirectory(prefix="migkit-test.") as name:
        folder = pathlib.Path(name)
        program = reading.build(folder)
        for what, make in LABS.items():
            lab = make()
            report = reading.run(program, "alone", lab, folder / "report", names)
            if not report.pop("clock")["free"]:
                driver.skip("the clock of this host is read by a system call")
            answered |= judge(what, report, HOST, found)
        with reading.client():
            report = reading.run(program, "alone", lab, folder / "report", names)
            report.pop("clock")
            judge("with a client", report, {**HOST, **HOLDERS}, found)
            asks = ASKS.get(os.uname().machine)
            for name in HOLDERS if asks else ():
                found.same(f"{name} asks by {asks}", report[name]["system_call"] in asks, True)
    print(f"{len(names)} reading functions, {len(answered)} of them with an answer: "
          f"{len(HOST)} reads the host, {len(HOLDERS)} ask who lives where there are clients")
    # The names are taken from a page: were it empty, nothing would be shown.
    found.same("most have an answer", len(answered) > 150, True)
    found.finish("reads")


main()
