# SPDX-License-Identifier: Apache-2.0
"""k8s-device-plugin beside a stand-in for the kubelet: what it registers and lists, from outside."""
import json
import queue
import subprocess
import threading
import time

from common import check, same
from gotools import Module

MODULE = Module("device-plugin")
NAME = "github.com/NVIDIA/k8s-device-plugin"
# The plugin's own sockets are in a folder with a fixed name: it is made in a namespace of its own.
ROOM = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
        'mount -t tmpfs kubelet /var/lib && mkdir -p /var/lib/kubelet/device-plugins && exec "$@"', "room")
WAIT = 30


def plugin():
    return MODULE.build(f"{NAME}/cmd/nvidia-device-plugin")


def stand_in():
    return MODULE.build("./kubelet-stand-in")


class Kubelet:
    """A running stand-in with its plugin, and what it has said so far. may_end: the plugin may."""

    def __init__(self, m, strategy, may_end=False):
        root = m.root / "driver"
        self.m, self.said, self.log = m, queue.Queue(), open(m.root / f"{strategy}.log", "w+", encoding="utf-8")
        self.may_end, self.exited = may_end, None
        self.program = m.start(
            [*ROOM, stand_in(), plugin(), "--mig-strategy", strategy, "--pass-device-specs",
             "--driver-root", root, "--driver-root-ctr-path", root, "--dev-root", "/"],
            files=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log)
        threading.Thread(target=self.read, daemon=True).start()
        self.devices = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.m.stop(self.program)
        self.log.close()

    def read(self):
        for line in self.program.stdout:
            self.said.put(json.loads(line))

    def all(self):
        """What the plugin has logged."""
        self.log.seek(0)
        return self.log.read()

    def tail(self):
        return self.all()[-3000:]

    def write(self, *words):
        self.program.stdin.write(" ".join(words) + "\n")
        self.program.stdin.flush()

    def next(self, end):
        try:
            said = self.said.get(timeout=max(0.01, end - time.monotonic()))
        except queue.Empty:
            return None
        self.exited = said.get("exited")
        check(self.exited is None or self.may_end, f"the plugin ended: {said}\n{self.tail()}")
        if "devices" in said:
            self.devices[said["resource"]] = said["devices"]
        if "ended" in said:
            self.devices.pop(said["ended"], None)
        return said

    def until(self, want, what):
        """Waits until the devices are these: {resource: {id: health}}."""
        end = time.monotonic() + WAIT
        while self.devices != want and time.monotonic() < end:
            self.next(end)
        check(self.devices == want, f"{what}: {self.devices}, not {want}\n{self.tail()}")

    def stays(self, want, seconds, what):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.next(end)
        same(what, self.devices, want)

    def allocate(self, resource, device):
        self.write("allocate", resource, device)
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            said = self.next(end)
            if said and said.get("allocated") == resource:
                check("response" in said, f"{resource} {device}: {said}\n{self.tail()}")
                return said["response"]
        check(False, f"no answer to an allocation\n{self.tail()}")
        return None

    def restart(self):
        """A kubelet that starts anew: the plugin comes back with what it finds then."""
        self.devices = {}
        self.write("restart")
