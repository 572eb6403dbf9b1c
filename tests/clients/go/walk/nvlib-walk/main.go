// SPDX-License-Identifier: Apache-2.0

// nvlib-walk says in JSON what go-nvlib's packages device, info and nvpci find on a machine.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/NVIDIA/go-nvlib/pkg/nvlib/device"
	"github.com/NVIDIA/go-nvlib/pkg/nvlib/info"
	"github.com/NVIDIA/go-nvlib/pkg/nvpci"
	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

type object = map[string]any

// said is a value, or the error in its place.
func said[T any](value T, err error) any {
	if err != nil {
		return "error: " + err.Error()
	}
	return value
}

func profile(p device.MigProfile, err error) any {
	if err != nil {
		return "error: " + err.Error()
	}
	i := p.GetInfo()
	return object{"name": p.String(), "gi_index": i.GIProfileID, "ci_index": i.CIProfileID}
}

func gpu(lib device.Interface, d device.Device) object {
	uuid, _ := d.GetUUID()
	profiles := []any{}
	possible, err := d.GetMigProfiles()
	for _, p := range possible {
		profiles = append(profiles, profile(p, nil))
	}
	migs := []any{}
	found, migErr := d.GetMigDevices()
	for _, m := range found {
		uuid, _ := m.GetUUID()
		same, err := lib.NewMigDeviceByUUID(uuid)
		entry := object{"uuid": uuid, "profile": profile(m.GetProfile()), "by_uuid": err == nil}
		if err == nil {
			entry["profile_by_uuid"] = profile(same.GetProfile())
		}
		migs = append(migs, entry)
	}
	_, byUUID := lib.NewDeviceByUUID(uuid)
	return object{
		"uuid": uuid, "by_uuid": byUUID == nil, "architecture": said(d.GetArchitectureAsString()),
		"brand": said(d.GetBrandAsString()), "capability": said(d.GetCudaComputeCapabilityAsString()),
		"addressing": said(d.GetAddressingModeAsString()), "bus_id": said(d.GetPCIBusID()),
		"coherent": said(d.IsCoherent()), "fabric": said(d.IsFabricAttached()),
		"mig_capable": said(d.IsMigCapable()), "mig_enabled": said(d.IsMigEnabled()),
		"profiles": profiles, "profiles_error": fmt.Sprint(err), "mig_devices": migs,
		"mig_devices_error": fmt.Sprint(migErr)}
}

func parsed(lib device.Interface, names []string) object {
	found := object{}
	for _, name := range names {
		found[name] = profile(lib.ParseMigProfile(name))
	}
	return found
}

func pci() any {
	gpus, err := nvpci.New().GetGPUs()
	if err != nil {
		return "error: " + err.Error()
	}
	list := []any{}
	for _, g := range gpus {
		list = append(list, object{"address": g.Address, "vendor": g.Vendor, "class": g.Class,
			"device": g.Device, "numa_node": g.NumaNode, "driver": g.Driver, "name": g.DeviceName})
	}
	return list
}

func main() {
	lib := nvml.New()
	if ret := lib.Init(); ret != nvml.SUCCESS {
		fmt.Fprintln(os.Stderr, "nvlib-walk: Init:", ret)
		os.Exit(1)
	}
	defer lib.Shutdown()
	devices := device.New(lib)
	about := info.New(info.WithNvmlLib(lib), info.WithDeviceLib(devices))
	hasNvml, why := about.HasNvml()
	gpus := []any{}
	err := devices.VisitDevices(func(_ int, d device.Device) error {
		gpus = append(gpus, gpu(devices, d))
		return nil
	})
	tegra, _ := about.HasTegraFiles()
	out, _ := json.MarshalIndent(object{"gpus": gpus, "error": fmt.Sprint(err), "has_nvml": hasNvml,
		"why": why, "platform": about.ResolvePlatform(), "tegra": tegra,
		"parsed": parsed(devices, os.Args[1:]), "pci": pci()}, "", " ")
	fmt.Println(string(out))
}
