// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

type object = map[string]any

// One past the last enumerator, so that the code of a wrong one is seen as well.
const (
	giProfiles = nvml.GPU_INSTANCE_PROFILE_COUNT + 1
	ciProfiles = nvml.COMPUTE_INSTANCE_PROFILE_COUNT + 1
)

// walk asks everything of every GPU, MIG device, GPU instance and compute instance.
func walk() any {
	count, ret := nvml.DeviceGetCount()
	if ret != nvml.SUCCESS {
		return object{"count": reply(ret, count)}
	}
	gpus := []any{}
	for i := 0; i < count; i++ {
		if d, ret := nvml.DeviceGetHandleByIndex(i); ret == nvml.SUCCESS {
			gpus = append(gpus, walkGpu(d))
		} else {
			gpus = append(gpus, reply(ret))
		}
	}
	_, past := nvml.DeviceGetHandleByIndex(count)
	return object{"count": reply(ret, count), "past_the_last": reply(past), "gpus": gpus,
		"system": walkSystem()}
}

func walkSystem() object {
	driver, ret1 := nvml.SystemGetDriverVersion()
	library, ret2 := nvml.SystemGetNVMLVersion()
	cuda, ret3 := nvml.SystemGetCudaDriverVersion()
	cuda2, ret4 := nvml.SystemGetCudaDriverVersion_v2()
	return object{"driver": reply(ret1, driver), "nvml": reply(ret2, library),
		"cuda": reply(ret3, cuda), "cuda_v2": reply(ret4, cuda2)}
}

func walkGpu(d nvml.Device) object {
	current, pending, ret := d.GetMigMode()
	gpu := object{"get": getters(d, "nvmlDevice"), "mig_mode": reply(ret, current, pending),
		"mig_devices": walkMigDevices(d)}
	profiles, instances := []any{}, []any{}
	for i := 0; i < giProfiles; i++ {
		profile, gis := walkGiProfile(d, i)
		profiles = append(profiles, profile)
		for _, gi := range gis {
			instances = append(instances, walkGi(d, gi))
		}
	}
	gpu["gi_profiles"] = profiles
	gpu["gpu_instances"] = instances
	gpu["by_handle"] = walkHandles(d)
	return gpu
}

// walkHandles looks a GPU up in each of the ways in which it can be named.
func walkHandles(d nvml.Device) object {
	uuid, _ := d.GetUUID()
	pci, _ := d.GetPciInfo()
	bus := plainString(pci.BusId[:])
	u, ret1 := nvml.DeviceGetHandleByUUID(uuid)
	b, ret2 := nvml.DeviceGetHandleByPciBusId(bus)
	_, ret3 := nvml.DeviceGetHandleByUUID("GPU-00000000-0000-0000-0000-000000000000")
	found := object{"no_such_uuid": reply(ret3)}
	if ret1 == nvml.SUCCESS {
		found["uuid"] = reply(ret1, u)
	}
	if ret2 == nvml.SUCCESS {
		found["bus_id"] = reply(ret2, b)
	}
	return found
}

func walkMigDevices(d nvml.Device) []any {
	list := []any{}
	count, _ := d.GetMaxMigDeviceCount()
	for i := 0; i <= count; i++ {
		m, ret := d.GetMigDeviceHandleByIndex(i)
		if ret != nvml.SUCCESS {
			list = append(list, reply(ret))
			continue
		}
		uuid, _ := m.GetUUID()
		by, ret2 := nvml.DeviceGetHandleByUUID(uuid)
		entry := object{"get": getters(m, "nvmlDevice"), "ret": int(ret)}
		if ret2 == nvml.SUCCESS {
			entry["by_uuid"] = reply(ret2, by)
		}
		list = append(list, entry)
	}
	return list
}

func walkGiProfile(d nvml.Device, index int) (object, []nvml.GpuInstance) {
	info, ret := d.GetGpuInstanceProfileInfo(index)
	v2, ret2 := d.GetGpuInstanceProfileInfoV(index).V2()
	v3, ret3 := d.GetGpuInstanceProfileInfoV(index).V3()
	profile := object{"index": index, "v1": reply(ret, info), "v2": reply(ret2, v2), "v3": reply(ret3, v3)}
	if ret != nvml.SUCCESS {
		return profile, nil
	}
	if nvml.Extensions().LookupSymbol("nvmlDeviceGetGpuInstanceProfileInfoByIdV") == nil {
		byID, ret := d.GetGpuInstanceProfileInfoByIdV(int(info.Id)).V2()
		profile["by_id"] = reply(ret, byID)
	}
	placements, ret := d.GetGpuInstancePossiblePlacements(&info)
	profile["placements"] = reply(ret, placements)
	remaining, ret := d.GetGpuInstanceRemainingCapacity(&info)
	profile["remaining"] = reply(ret, remaining)
	instances, ret := d.GetGpuInstances(&info)
	profile["instances"] = reply(ret, len(instances))
	if ret != nvml.SUCCESS {
		return profile, nil
	}
	return profile, instances
}

func walkGi(d nvml.Device, gi nvml.GpuInstance) object {
	info, ret := gi.GetInfo()
	byID, ret2 := d.GetGpuInstanceById(int(info.Id))
	again := nvml.GpuInstanceInfo{}
	if ret2 == nvml.SUCCESS {
		again, ret2 = byID.GetInfo()
	}
	profiles, instances := []any{}, []any{}
	for i := 0; i < ciProfiles; i++ {
		for e := 0; e <= nvml.COMPUTE_INSTANCE_ENGINE_PROFILE_COUNT; e++ {
			profile, cis := walkCiProfile(gi, i, e)
			profiles = append(profiles, profile)
			for _, ci := range cis {
				instances = append(instances, walkCi(gi, ci))
			}
		}
	}
	return object{"info": reply(ret, info), "by_id": reply(ret2, again),
		"get": getters(gi, "nvmlGpuInstance"), "ci_profiles": profiles, "compute_instances": instances}
}

func walkCiProfile(gi nvml.GpuInstance, index, engine int) (object, []nvml.ComputeInstance) {
	info, ret := gi.GetComputeInstanceProfileInfo(index, engine)
	v2, ret2 := gi.GetComputeInstanceProfileInfoV(index, engine).V2()
	v3, ret3 := gi.GetComputeInstanceProfileInfoV(index, engine).V3()
	profile := object{"index": index, "engine": engine, "v1": reply(ret, info), "v2": reply(ret2, v2),
		"v3": reply(ret3, v3)}
	if ret != nvml.SUCCESS {
		return profile, nil
	}
	placements, ret := gi.GetComputeInstancePossiblePlacements(&info)
	profile["placements"] = reply(ret, placements)
	remaining, ret := gi.GetComputeInstanceRemainingCapacity(&info)
	profile["remaining"] = reply(ret, remaining)
	instances, ret := gi.GetComputeInstances(&info)
	profile["instances"] = reply(ret, len(instances))
	if ret != nvml.SUCCESS {
		return profile, nil
	}
	return profile, instances
}

func walkCi(gi nvml.GpuInstance, ci nvml.ComputeInstance) object {
	info, ret := ci.GetInfo()
	entry := object{"info": reply(ret, info)}
	byID, ret := gi.GetComputeInstanceById(int(info.Id))
	if ret == nvml.SUCCESS {
		again, ret := byID.GetInfo()
		entry["by_id"] = reply(ret, again)
	}
	return entry
}

func plainString(chars []int8) string {
	b := []byte{}
	for _, c := range chars {
		if c == 0 {
			break
		}
		b = append(b, byte(c))
	}
	return string(b)
}
