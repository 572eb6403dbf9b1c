# SPDX-License-Identifier: Apache-2.0
"""libmigkit's planner, asked through ctypes: declarations of include/migkit/plan.h, and a table
that speaks in the slots of a brute.Model."""
import ctypes
import os
import pathlib
from ctypes import (POINTER, Structure, byref, c_bool, c_char, c_char_p, c_int, c_int32,
                    c_size_t, c_uint, c_uint8, c_uint16, c_uint32, c_uint64, c_ulong, c_void_p)

import brute

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = pathlib.Path(os.environ.get("MIGKIT_SOURCE") or HERE.parents[1])
BUILD = pathlib.Path(os.environ.get("MIGKIT_BUILD") or SOURCE / "build").resolve()
MAX_SLOTS, MAX_GI_PROFILES, MAX_CI_PROFILES, MAX_STARTS, MAX_GI = 64, 20, 8, 8, 8
EINVAL, ENOSPC = 22, 28
MEDIA = {"": 0, "me": 1, "me.all": 2, "-me": 3, "gfx": 4}


def fields(text):
    """C declarations, one type and its names a line, as the headers have them."""
    types = {"char": c_char, "u8": c_uint8, "u16": c_uint16, "u32": c_uint32, "u64": c_uint64,
             "i32": c_int32, "int": c_int, "uint": c_uint, "ulong": c_ulong}
    out = []
    for line in text.split("\n"):
        for name in line.split()[1:]:
            kind = types[line.split()[0]]
            name, _, length = name.partition(":")
            out.append((name, kind * int(length) if length else kind))
    return out


class CiProfile(Structure):
    _fields_ = fields("""char name:24
u8 id slices total span
u16 sm
u8 is_default reserved
u32 unconfirmed""")


class GiProfile(Structure):
    _fields_ = fields("""char name:24
u16 id index
u8 slices size total n_starts starts:8
u32 memory_mb bar1_mb
u16 sm
u8 ce dec enc jpeg ofa p2p media n_ci
u16 reserved
u32 unconfirmed""") + [("ci", CiProfile * MAX_CI_PROFILES)]


class CBoard(Structure):
    _fields_ = fields("""char key:32 name:64 arch_name:16 vbios:24 part_number:24 gpu_part_number:24
u32 architecture cc_major cc_minor pci_device_id pci_subsystem_id memory_total_mib
u32 memory_reserved_kib bar1_total_mib bar1_used_kib sm_total cuda_cores
u8 compute_slices memory_slices units numbering numbering_fixed mode_needs_reset mode_persistent
u8 gi_beside_4g3g pcie_gen pcie_width has_fan has_display mode_display_off reserved_before:7
i32 idle_temperature_c
u32 idle_power_mw power_limit_mw power_min_mw power_max_mw
u32 idle_sm_mhz idle_mem_mhz idle_video_mhz max_sm_mhz max_mem_mhz max_video_mhz
i32 slowdown_c shutdown_c
u32 idle_gi_kib_per_slice
u64 ids_not_supported ids_empty
char inforom_image:24 inforom_oem:8 inforom_ecc:8
u32 memory_bus_bits remap_banks default_sm_mhz min_sm_mhz second_mem_mhz
i32 max_operating_c memory_max_c
u32 memory_power_mw reserved_word
u8 is_module reserved:3
u32 n_gi unconfirmed_boards""") + [("gi", GiProfile * MAX_GI_PROFILES)]


class Error(Structure):
    _fields_ = fields("int code nvml\nchar msg:480")


class CSlot(Structure):
    _fields_ = fields("u8 profile start size slices")


class Counts(Structure):
    _fields_ = fields("u8 n:20")


class Totals(Structure):
    _fields_ = fields("uint layouts maximal masks multisets multisets_maximal multisets_uncovered")


class State(Structure):
    _fields_ = fields("u64 now pinned\nu8 n_ci:64")


class Goal(Structure):
    _fields_ = [("counts", Counts), ("at", c_uint64)]


class Change(Structure):
    _fields_ = fields("u64 target keep destroy create\nuint n_destroy n_ci_destroy room")


class Reason(Structure):
    _fields_ = fields("int no\nuint a b wanted have")


class Order(Structure):
    _fields_ = fields("u8 n profile:8 start:8\nu64 end\nulong tried orders\nu8 most")


class Way(Structure):
    _fields_ = fields("u64 destroy again\nuint slot n_ci_destroy")


class Measure(Structure):
    _fields_ = fields("uint units units_free slices slices_free\nu64 free_mask dead_mask\n"
                      "int largest largest_best\nuint room room_best\nu64 best")


class Need(Structure):
    _fields_ = fields("u64 memory_mib\nu16 sm")


SLOTS = c_uint64
PROTOTYPES = {
    "mig_board_find": (c_void_p, c_char_p),
    "mig_board_at": (c_void_p, c_uint),
    "mig_board_resolve": (c_int, c_void_p, c_char_p, POINTER(CBoard), POINTER(Error)),
    "mig_profiles_all": (c_uint32, POINTER(CBoard)),
    "mig_profiles_plain": (c_uint32, POINTER(CBoard)),
    "mig_plan_table_new": (c_int, POINTER(CBoard), c_uint32, POINTER(c_void_p), POINTER(Error)),
    "mig_plan_table_new_ci": (c_int, POINTER(GiProfile), POINTER(CSlot), c_uint,
                              POINTER(c_void_p), POINTER(Error)),
    "mig_ci_slots_by_family": (c_uint, POINTER(CBoard), c_uint, POINTER(CSlot)),
    "mig_plan_table_free": (None, c_void_p),
    "mig_plan_n_slots": (c_uint, c_void_p),
    "mig_plan_slot": (POINTER(CSlot), c_void_p, c_uint),
    "mig_plan_slot_at": (c_int, c_void_p, c_uint, c_uint),
    "mig_plan_n_layouts": (c_size_t, c_void_p),
    "mig_plan_layout": (SLOTS, c_void_p, c_size_t),
    "mig_plan_is_layout": (c_bool, c_void_p, SLOTS),
    "mig_plan_excludes": (SLOTS, c_void_p, c_uint),
    "mig_plan_free": (SLOTS, c_void_p, SLOTS),
    "mig_plan_room": (c_uint, c_void_p, SLOTS),
    "mig_plan_counts": (Counts, c_void_p, SLOTS),
    "mig_plan_totals": (None, c_void_p, POINTER(Totals)),
    "mig_plan_multiset": (c_bool, c_void_p, c_uint, POINTER(Counts)),
    "mig_plan_change": (c_int, c_void_p, POINTER(State), POINTER(Goal), POINTER(Change), c_uint,
                        POINTER(Error)),
    "mig_plan_must_go": (c_int, c_void_p, POINTER(State), POINTER(Goal), POINTER(SLOTS)),
    "mig_plan_why_not": (None, c_void_p, POINTER(Goal), POINTER(Reason)),
    "mig_plan_nearest": (c_uint, c_void_p, POINTER(State), POINTER(Goal), POINTER(Counts), c_uint),
    "mig_plan_default_start": (c_int, c_void_p, SLOTS, c_uint),
    "mig_plan_order": (c_int, c_void_p, SLOTS, POINTER(Counts), SLOTS, POINTER(Order)),
    "mig_plan_remaining": (c_uint, c_void_p, SLOTS, c_uint),
    "mig_plan_ways": (c_uint, c_void_p, POINTER(State), c_uint, c_int, POINTER(Way), c_uint),
    "mig_plan_blockers": (SLOTS, c_void_p, SLOTS, c_uint),
    "mig_plan_blockers_by_rule": (SLOTS, c_void_p, SLOTS, c_uint),
    "mig_plan_measure": (None, c_void_p, SLOTS, POINTER(Measure)),
    "mig_plan_needs": (c_int, POINTER(CBoard), c_void_p, POINTER(State), POINTER(Need), c_uint,
                       POINTER(c_uint8), POINTER(Error)),
}


def load(path=None):
    lib = ctypes.CDLL(str(path or os.environ.get("MIGKIT_PLANNER") or BUILD / "libmigkit.so"))
    for name, (returns, *takes) in PROTOTYPES.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = returns, takes
    return lib


def c_board(board):
    """A board as migkit has it, of a brute.Board: what the planner may look at."""
    out = CBoard()
    out.architecture = board.architecture
    out.compute_slices, out.memory_slices = board.compute_slices, board.memory_slices
    out.units, out.gi_beside_4g3g = board.units, board.beside_4g3g
    out.numbering = 0 if board.units == 8 else 2
    out.mode_needs_reset = out.mode_persistent = board.architecture == 7
    out.n_gi = len(board.profiles)
    for p, gi in zip(board.profiles, out.gi):
        gi.name, gi.id, gi.media = p.name.encode(), p.id, MEDIA[p.media]
        gi.n_starts = len(p.starts)
        for i, start in enumerate(p.starts):
            gi.starts[i] = start
        for name in "slices size total memory_mb sm dec enc jpeg ofa".split():
            setattr(gi, name, getattr(p, name))
    return out


def c_gi(board):
    """A GPU instance's profile and slots, of brute.inside()."""
    out, slots = GiProfile(), (CSlot * MAX_SLOTS)()
    out.name, out.slices, out.size = b"GI", board.compute_slices, board.memory_slices
    out.n_ci, n = len(board.profiles), 0
    for p, ci in zip(board.profiles, out.ci):
        ci.name, ci.id = p.name.encode(), p.id
        ci.slices, ci.total, ci.span = p.slices, p.total, p.size
        for start in p.starts:
            slots[n] = CSlot(p.position, start, p.size, p.slices)
            n += 1
    return out, slots, n


def brute_board(board):
    """The other way: a board of the library's as the brute force has it."""
    rows = []
    for gi in board.gi[:board.n_gi]:
        media = next(text for text, n in MEDIA.items() if n == gi.media)
        rows.append([gi.name.decode(), gi.id, gi.slices, gi.size, gi.starts[:gi.n_starts], gi.total,
                     media, gi.memory_mb, gi.sm, gi.dec, gi.enc, gi.jpeg, gi.ofa])
    return brute.Board({"name": board.key.decode(), "architecture": board.architecture,
                        "units": board.units, "compute_slices": board.compute_slices,
                        "memory_slices": board.memory_slices,
                        "4g_beside_3g": bool(board.gi_beside_4g3g), "profiles": rows})


class Table:
    """A table of the planner; every set of slots that goes in or out is the model's."""

    def __init__(self, lib, model, inside=False):
        self.lib, self.model = lib, model
        self.board = None if inside else c_board(model.board)
        self.handle = self._make()
        self.state, self.goal, self.error = State(), Goal(), Error()
        self._changes = (Change * 32)()
        self._ways = (Way * 256)()
        self._near = (Counts * 256)()
        self.ours, self.theirs = {}, {}
        self._number()

    def _make(self):
        handle, error = c_void_p(), Error()
        if self.board:
            chosen = sum(1 << p for p in self.model.chosen)
            rc = self.lib.mig_plan_table_new(byref(self.board), chosen, byref(handle),
                                             byref(error))
        else:
            gi, slots, n = c_gi(self.model.board)
            rc = self.lib.mig_plan_table_new_ci(byref(gi), slots, n, byref(handle), byref(error))
        if rc:
            raise SystemExit(f"FAILED: no table of {self.model.board.name}: {rc}: "
                             f"{error.msg.decode()}")
        return handle

    def close(self):
        self.lib.mig_plan_table_free(self.handle)

    def _number(self):
        """Which slot of the planner's is which of the model's; both must have the same."""
        model, lib = self.model, self.lib
        n = lib.mig_plan_n_slots(self.handle)
        said = [(s.profile, s.start, s.size, s.slices) for s in
                (lib.mig_plan_slot(self.handle, i).contents for i in range(n))]
        true = [(s.position, s.start, s.profile.size, s.profile.slices) for s in model.slots]
        if sorted(said) != sorted(true):
            raise SystemExit(f"FAILED: slots of {model.board.name} are {said}, not {true}")
        self.to_theirs = [said.index(slot) for slot in true]
        self.to_ours = [true.index(slot) for slot in said]

    def out(self, mask):
        """The model's slots as the planner's; tables are asked the same thing often."""
        known = self.theirs.get(mask)
        if known is None:
            known = self.theirs[mask] = sum(1 << self.to_theirs[n] for n in brute.bits(mask))
        return known

    def back(self, mask):
        known = self.ours.get(mask)
        if known is None:
            known = sum(1 << self.to_ours[n] if n < len(self.to_ours) else 1 << 64
                        for n in brute.bits(mask))
            self.ours[mask] = known
        return known

    def set_state(self, now, pinned, n_ci):
        self.state.now, self.state.pinned = self.out(now), self.out(pinned)
        for n, theirs in enumerate(self.to_theirs):
            self.state.n_ci[theirs] = n_ci[n]

    def set_goal(self, counts, at=0):
        self.goal.counts.n[:len(counts)] = counts
        self.goal.at = self.out(at)

    def change(self, cap):
        """[(target, destroyed, CIs destroyed, room)], or the error."""
        rc = self.lib.mig_plan_change(self.handle, byref(self.state), byref(self.goal),
                                      self._changes, cap, byref(self.error))
        if rc < 0:
            return rc
        return [self._changes[i] for i in range(rc)]

    def must_go(self):
        mask = c_uint64(1 << 63)
        rc = self.lib.mig_plan_must_go(self.handle, byref(self.state), byref(self.goal),
                                       byref(mask))
        return rc, self.back(mask.value) if rc == 0 else 0

    def why_not(self):
        reason = Reason()
        self.lib.mig_plan_why_not(self.handle, byref(self.goal), byref(reason))
        return reason

    def nearest(self, cap):
        n = self.lib.mig_plan_nearest(self.handle, byref(self.state), byref(self.goal), self._near,
                                      cap)
        return [tuple(self._near[i].n[:self.model.n_profiles]) for i in range(n)]

    def order(self, now, counts, end=0):
        asked, answer = Counts(), Order()
        asked.n[:len(counts)] = counts
        rc = self.lib.mig_plan_order(self.handle, self.out(now), byref(asked), self.out(end),
                                     byref(answer))
        return rc, answer

    def ways(self, position, start, cap):
        """[(destroyed, created again, slot, CIs destroyed)]"""
        n = self.lib.mig_plan_ways(self.handle, byref(self.state), position, start, self._ways, cap)
        return [(self.back(w.destroy), self.back(w.again), self.to_ours[w.slot], w.n_ci_destroy)
                for w in self._ways[:n]]

    def measure(self, now):
        answer = Measure()
        self.lib.mig_plan_measure(self.handle, self.out(now), byref(answer))
        return answer

    def needs(self, needs):
        array = (Need * len(needs))()
        for i, (memory, sm) in enumerate(needs):
            array[i].memory_mib, array[i].sm = memory, sm
        ret = (c_uint8 * len(needs))()
        rc = self.lib.mig_plan_needs(byref(self.board), self.handle, byref(self.state), array,
                                     len(needs), ret, byref(self.error))
        return rc, list(ret)
