// SPDX-License-Identifier: Apache-2.0

// nvml-walk asks and changes GPUs through go-nvml, and says in JSON what each call returned.
//
//	nvml-walk walk                        everything that can be asked
//	nvml-walk mode GPU 0|1                SetMigMode
//	nvml-walk create GPU PROFILE [START]  a GPU instance; PROFILE is NVML's enumerator
//	nvml-walk create-ci GPU GI PROFILE [START]
//	nvml-walk destroy GPU GI [CI]
//	nvml-walk stale GPU PROFILE           creates, destroys, and uses the handles after that
//	nvml-walk wait GPU MILLISECONDS       registers for all events of a GPU and waits for one
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

func fail(format string, words ...any) {
	fmt.Fprintf(os.Stderr, "nvml-walk: "+format+"\n", words...)
	os.Exit(1)
}

func numbers(words []string, least, most int) []int {
	if len(words) < least || len(words) > most {
		fail("%d to %d numbers, not %d", least, most, len(words))
	}
	list := []int{}
	for _, w := range words {
		n, err := strconv.Atoi(w)
		if err != nil {
			fail("%v", err)
		}
		list = append(list, n)
	}
	return list
}

func device(index int) nvml.Device {
	d, ret := nvml.DeviceGetHandleByIndex(index)
	if ret != nvml.SUCCESS {
		fail("GPU %d: %v", index, ret)
	}
	return d
}

func create(n []int) any {
	d := device(n[0])
	info, ret := d.GetGpuInstanceProfileInfo(n[1])
	if ret != nvml.SUCCESS {
		return reply(ret)
	}
	var gi nvml.GpuInstance
	if len(n) == 3 {
		place := nvml.GpuInstancePlacement{Start: uint32(n[2]), Size: sizeOf(d, &info)}
		gi, ret = d.CreateGpuInstanceWithPlacement(&info, &place)
	} else {
		gi, ret = d.CreateGpuInstance(&info)
	}
	if ret != nvml.SUCCESS {
		return reply(ret)
	}
	made, ret := gi.GetInfo()
	return reply(ret, made)
}

func sizeOf(d nvml.Device, info *nvml.GpuInstanceProfileInfo) uint32 {
	places, ret := d.GetGpuInstancePossiblePlacements(info)
	if ret != nvml.SUCCESS || len(places) == 0 {
		fail("profile %d has no placements: %v", info.Id, ret)
	}
	return places[0].Size
}

func createCi(n []int) any {
	gi, ret := device(n[0]).GetGpuInstanceById(n[1])
	if ret != nvml.SUCCESS {
		return reply(ret)
	}
	info, ret := gi.GetComputeInstanceProfileInfo(n[2], nvml.COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED)
	if ret != nvml.SUCCESS {
		return reply(ret)
	}
	var ci nvml.ComputeInstance
	if len(n) == 4 {
		place := nvml.ComputeInstancePlacement{Start: uint32(n[3]), Size: info.SliceCount}
		ci, ret = gi.CreateComputeInstanceWithPlacement(&info, &place)
	} else {
		ci, ret = gi.CreateComputeInstance(&info)
	}
	if ret != nvml.SUCCESS {
		return reply(ret)
	}
	made, ret := ci.GetInfo()
	return reply(ret, made)
}

func destroy(n []int) any {
	gi, ret := device(n[0]).GetGpuInstanceById(n[1])
	if ret != nvml.SUCCESS {
		return reply(ret)
	}
	if len(n) == 2 {
		return reply(gi.Destroy())
	}
	ci, ret := gi.GetComputeInstanceById(n[2])
	if ret != nvml.SUCCESS {
		return reply(ret)
	}
	return reply(ci.Destroy())
}

// stale keeps the handles of instances beyond their end, and over a Shutdown and Init as well.
func stale(n []int) any {
	d := device(n[0])
	info, ret := d.GetGpuInstanceProfileInfo(n[1])
	if ret != nvml.SUCCESS {
		fail("profile %d: %v", n[1], ret)
	}
	gi, ret := d.CreateGpuInstance(&info)
	if ret != nvml.SUCCESS {
		fail("GPU instance: %v", ret)
	}
	// A compute instance of all slices has the enumerator of that many slices less one, or more.
	var ci nvml.ComputeInstance
	for i := nvml.COMPUTE_INSTANCE_PROFILE_COUNT - 1; i >= 0; i-- {
		profile, ret := gi.GetComputeInstanceProfileInfo(i, nvml.COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED)
		if ret != nvml.SUCCESS {
			continue
		}
		if ci, ret = gi.CreateComputeInstance(&profile); ret != nvml.SUCCESS {
			fail("compute instance: %v", ret)
		}
		break
	}
	mig, ret := d.GetMigDeviceHandleByIndex(0)
	if ret != nvml.SUCCESS {
		fail("MIG device: %v", ret)
	}
	uuid, _ := mig.GetUUID()
	busy := gi.Destroy()
	_, before := ci.GetInfo()
	if ret := nvml.Shutdown(); ret != nvml.SUCCESS {
		fail("Shutdown: %v", ret)
	}
	if ret := nvml.Init(); ret != nvml.SUCCESS {
		fail("Init: %v", ret)
	}
	_, again := ci.GetInfo()
	first, second := ci.Destroy(), ci.Destroy()
	_, ciInfo := ci.GetInfo()
	_, migUUID := mig.GetUUID()
	_, byUUID := nvml.DeviceGetHandleByUUID(uuid)
	last := gi.Destroy()
	_, giInfo := gi.GetInfo()
	return object{"gi_in_use": int(busy), "before": int(before), "after_init": int(again),
		"ci_destroy": int(first), "ci_destroy_again": int(second), "ci_info": int(ciInfo),
		"mig_get": getters(mig, "nvmlDevice"), "mig_uuid": int(migUUID), "by_uuid": int(byUUID),
		"gi_destroy": int(last), "gi_destroy_again": int(gi.Destroy()), "gi_info": int(giInfo)}
}

func wait(n []int) any {
	d := device(n[0])
	set, ret := nvml.EventSetCreate()
	if ret != nvml.SUCCESS {
		fail("EventSetCreate: %v", ret)
	}
	types, ret := d.GetSupportedEventTypes()
	if ret != nvml.SUCCESS {
		fail("GetSupportedEventTypes: %v", ret)
	}
	if ret := d.RegisterEvents(types, set); ret != nvml.SUCCESS {
		fail("RegisterEvents: %v", ret)
	}
	// The test acts when it has read this line.
	fmt.Println("waiting")
	data, ret := set.Wait(uint32(n[1]))
	answer := object{"ret": int(ret), "supported": types, "free": int(set.Free())}
	if ret == nvml.SUCCESS {
		answer["event"] = plainEvent(data)
	}
	return answer
}

func plainEvent(data nvml.EventData) object {
	return object{"device": deviceName(data.Device), "type": data.EventType, "data": data.EventData,
		"gi": data.GpuInstanceId, "ci": data.ComputeInstanceId}
}

func run(words []string) any {
	n := words[1:]
	switch words[0] {
	case "walk":
		return walk()
	case "mode":
		n := numbers(n, 2, 2)
		activation, ret := device(n[0]).SetMigMode(n[1])
		return object{"ret": int(ret), "activation": int(activation)}
	case "create":
		return create(numbers(n, 2, 3))
	case "create-ci":
		return createCi(numbers(n, 3, 4))
	case "destroy":
		return destroy(numbers(n, 2, 3))
	case "stale":
		return stale(numbers(n, 2, 2))
	case "wait":
		return wait(numbers(n, 2, 2))
	}
	fail("no such word: %s", words[0])
	return nil
}

func main() {
	if len(os.Args) < 2 {
		fail("walk, mode, create, create-ci, destroy, stale or wait")
	}
	if ret := nvml.Init(); ret != nvml.SUCCESS {
		fail("Init: %v", ret)
	}
	said := run(os.Args[1:])
	if ret := nvml.Shutdown(); ret != nvml.SUCCESS {
		fail("Shutdown: %v", ret)
	}
	out, err := json.MarshalIndent(said, "", " ")
	if err != nil {
		fail("%v", err)
	}
	fmt.Println(string(out))
}
