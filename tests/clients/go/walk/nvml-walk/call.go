// SPDX-License-Identifier: Apache-2.0

package main

import (
	"reflect"
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// missing stands for a return code where the library has no such symbol: go-nvml's lazy binding
// would end the process.
const missing = -1

// answer is what a call returned: its code, and its other results.
type answer struct {
	Ret int   `json:"ret"`
	Out []any `json:"out,omitempty"`
}

func reply(ret nvml.Return, out ...any) answer {
	a := answer{Ret: int(ret)}
	if ret != nvml.SUCCESS {
		return a
	}
	for _, o := range out {
		a.Out = append(a.Out, plain(reflect.ValueOf(o)))
	}
	return a
}

// plain turns a result into what JSON can say: handles are named, never followed, for they are no
// pointers; character arrays become strings.
func plain(v reflect.Value) any {
	if !v.IsValid() {
		return nil
	}
	if v.CanInterface() {
		switch h := v.Interface().(type) {
		case nvml.Device:
			return deviceName(h)
		case nvml.GpuInstance, nvml.ComputeInstance:
			return "handle"
		}
	}
	switch v.Kind() {
	case reflect.Interface:
		return plain(v.Elem())
	case reflect.Pointer, reflect.UnsafePointer, reflect.Func, reflect.Chan:
		return nil
	case reflect.Array, reflect.Slice:
		if k := v.Type().Elem().Kind(); k == reflect.Int8 || k == reflect.Uint8 {
			return text(v)
		}
		list := []any{}
		for i := 0; i < v.Len(); i++ {
			list = append(list, plain(v.Index(i)))
		}
		return list
	case reflect.Struct:
		fields := map[string]any{}
		for i := 0; i < v.NumField(); i++ {
			if f := v.Type().Field(i); f.IsExported() {
				fields[f.Name] = plain(v.Field(i))
			}
		}
		return fields
	case reflect.Bool:
		return v.Bool()
	case reflect.String:
		return v.String()
	case reflect.Float32, reflect.Float64:
		return v.Float()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int()
	default:
		return v.Uint()
	}
}

func text(v reflect.Value) string {
	var b strings.Builder
	for i := 0; i < v.Len(); i++ {
		e := v.Index(i)
		c := byte(0)
		if e.CanInt() {
			c = byte(e.Int())
		} else {
			c = byte(e.Uint())
		}
		if c == 0 {
			break
		}
		b.WriteByte(c)
	}
	return strings.ToValidUTF8(b.String(), "?")
}

func deviceName(d nvml.Device) any {
	uuid, ret := d.GetUUID()
	if ret != nvml.SUCCESS {
		return "stale"
	}
	index, ret := d.GetIndex()
	return map[string]any{"uuid": uuid, "index": reply(ret, index)}
}

// results splits what a method returned into the code, which is last, and the rest.
func results(out []reflect.Value) answer {
	ret, ok := out[len(out)-1].Interface().(nvml.Return)
	if !ok {
		return answer{Ret: missing}
	}
	a := answer{Ret: int(ret)}
	// Where a call failed, what it left in its results means nothing.
	for _, o := range out[:len(out)-1] {
		if ret == nvml.SUCCESS {
			a.Out = append(a.Out, plain(o))
		}
	}
	return a
}

// getters calls every method of a handle that takes nothing and only asks: Get... and Is...; one that returns a handler has each of its versions called. prefix: of the functions in C.
func getters(handle any, prefix string) map[string]answer {
	found := map[string]answer{}
	v := reflect.ValueOf(handle)
	for i := 0; i < v.NumMethod(); i++ {
		name := v.Type().Method(i).Name
		m := v.Method(i)
		asks := strings.HasPrefix(name, "Get") || strings.HasPrefix(name, "Is")
		if !asks || m.Type().NumIn() != 0 {
			continue
		}
		if nvml.Extensions().LookupSymbol(prefix+name) != nil {
			found[name] = answer{Ret: missing}
			continue
		}
		if m.Type().NumOut() == 1 {
			handler := m.Call(nil)[0]
			for j := 0; j < handler.NumMethod(); j++ {
				if version := handler.Method(j); version.Type().NumIn() == 0 {
					found[name+"."+handler.Type().Method(j).Name] = results(version.Call(nil))
				}
			}
			continue
		}
		found[name] = results(m.Call(nil))
	}
	return found
}
