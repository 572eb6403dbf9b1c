// SPDX-License-Identifier: Apache-2.0

// nvml-beside does the same through go-nvml's interface on two sides in turn: on the library that the
// loader finds, and on go-nvml's own mock of a DGX A100. It says in JSON how long each took.
//
//	nvml-beside ROUNDS
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/dgxa100"
)

const listed = 3

func must(what string, ret nvml.Return) {
	if ret != nvml.SUCCESS {
		fmt.Fprintf(os.Stderr, "nvml-beside: %s: %d\n", what, ret)
		os.Exit(1)
	}
}

// A side with a GPU in MIG mode that has some instances of the smallest profile.
type side struct {
	lib  nvml.Interface
	dev  nvml.Device
	info nvml.GpuInstanceProfileInfo
	made []nvml.GpuInstance
}

func (s *side) begin(lib nvml.Interface) {
	var ret nvml.Return
	s.lib, s.made = lib, nil
	must("Init", lib.Init())
	s.dev, ret = lib.DeviceGetHandleByIndex(0)
	must("DeviceGetHandleByIndex", ret)
	_, ret = s.dev.SetMigMode(nvml.DEVICE_MIG_ENABLE)
	must("SetMigMode", ret)
	s.info, ret = s.dev.GetGpuInstanceProfileInfo(nvml.GPU_INSTANCE_PROFILE_1_SLICE)
	must("GetGpuInstanceProfileInfo", ret)
	for i := 0; i < listed; i++ {
		gi, ret := s.dev.CreateGpuInstance(&s.info)
		must("CreateGpuInstance", ret)
		s.made = append(s.made, gi)
	}
}

func (s *side) end() {
	for _, gi := range s.made {
		must("Destroy", gi.Destroy())
	}
	must("Shutdown", s.lib.Shutdown())
}

// What both do; n times in a round.
var work = []struct {
	Name string
	n    int
	do   func(s *side)
}{
	{"count the GPUs", 20000, func(s *side) {
		if n, ret := s.lib.DeviceGetCount(); ret != nvml.SUCCESS || n != 8 {
			must("DeviceGetCount of 8", nvml.ERROR_UNKNOWN)
		}
	}},
	{"a GPU's name", 20000, func(s *side) {
		_, ret := s.dev.GetName()
		must("GetName", ret)
	}},
	{"a GPU's MIG mode", 20000, func(s *side) {
		_, _, ret := s.dev.GetMigMode()
		must("GetMigMode", ret)
	}},
	{"list the instances of a profile", 10000, func(s *side) {
		if list, ret := s.dev.GetGpuInstances(&s.info); ret != nvml.SUCCESS || len(list) != listed {
			must("GetGpuInstances", nvml.ERROR_UNKNOWN)
		}
	}},
	{"create and destroy an instance", 1000, func(s *side) {
		gi, ret := s.dev.CreateGpuInstance(&s.info)
		must("CreateGpuInstance", ret)
		must("Destroy", gi.Destroy())
	}},
}

func main() {
	rounds := 0
	if len(os.Args) == 2 {
		rounds, _ = strconv.Atoi(os.Args[1])
	}
	if rounds < 1 {
		fmt.Fprintln(os.Stderr, "nvml-beside: a number of rounds is wanted")
		os.Exit(2)
	}
	type row struct {
		Name          string  `json:"name"`
		Library float64 `json:"library"` // nanoseconds, of the fastest round
		Mock    float64 `json:"mock"`
	}
	rows := make([]row, len(work)+1)
	took := func(r int, name string, which int, ns float64) {
		rows[r].Name = name
		at := &rows[r].Library
		if which == 1 {
			at = &rows[r].Mock
		}
		if *at == 0 || ns < *at {
			*at = ns
		}
	}
	for round := 0; round < rounds; round++ {
		for which := 0; which < 2; which++ {
			// A new mock each time: it keeps a record of every call.
			start := time.Now()
			var lib nvml.Interface
			if which == 0 {
				lib = nvml.New()
			} else {
				lib = dgxa100.New()
			}
			must("Init", lib.Init())
			_, ret := lib.DeviceGetCount()
			must("DeviceGetCount", ret)
			took(0, "start: new, Init, count", which, float64(time.Since(start).Nanoseconds()))
			must("Shutdown", lib.Shutdown())
			var s side
			s.begin(lib)
			for i, w := range work {
				start := time.Now()
				for k := 0; k < w.n; k++ {
					w.do(&s)
				}
				took(i+1, w.Name, which, float64(time.Since(start).Nanoseconds())/float64(w.n))
			}
			s.end()
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(rows); err != nil {
		fmt.Fprintln(os.Stderr, "nvml-beside:", err)
		os.Exit(1)
	}
}
