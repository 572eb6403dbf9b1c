// SPDX-License-Identifier: Apache-2.0

// kubelet-stand-in plays a kubelet's part towards a device plugin, which it starts.
//
//	kubelet-stand-in PLUGIN [ARGUMENT]...
//
// It serves the registration service on the kubelet's socket, watches the devices of each plugin that
// registers, and says what happens on stdout, one JSON object a line:
//
//	{"registered": RESOURCE}  {"resource": RESOURCE, "devices": {ID: HEALTH}}  {"ended": RESOURCE}
//	{"allocated": RESOURCE, "response": {...}}  {"exited": CODE}
//
// On stdin it takes "allocate RESOURCE ID..." and "restart", which is what a plugin sees of a kubelet that
// starts anew: its socket is made again.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	api "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

type object = map[string]any

type kubelet struct {
	api.UnimplementedRegistrationServer
	lock    sync.Mutex
	server  *grpc.Server
	clients map[string]api.DevicePluginClient
}

var saying sync.Mutex

func say(what object) {
	line, err := json.Marshal(what)
	if err != nil {
		fail("%v", err)
	}
	saying.Lock()
	defer saying.Unlock()
	fmt.Println(string(line))
}

func fail(format string, words ...any) {
	fmt.Fprintf(os.Stderr, "kubelet-stand-in: "+format+"\n", words...)
	os.Exit(1)
}

// serve makes the kubelet's socket, anew where there was one.
func (k *kubelet) serve() {
	if k.server != nil {
		k.server.Stop()
	}
	os.Remove(api.KubeletSocket)
	listener, err := net.Listen("unix", api.KubeletSocket)
	if err != nil {
		fail("%v", err)
	}
	k.server = grpc.NewServer()
	api.RegisterRegistrationServer(k.server, k)
	go k.server.Serve(listener)
}

// Register is what a plugin calls; its devices are then asked for without end.
func (k *kubelet) Register(_ context.Context, r *api.RegisterRequest) (*api.Empty, error) {
	socket := filepath.Join(api.DevicePluginPath, r.Endpoint)
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	client := api.NewDevicePluginClient(conn)
	k.lock.Lock()
	k.clients[r.ResourceName] = client
	k.lock.Unlock()
	say(object{"registered": r.ResourceName, "version": r.Version})
	go watch(r.ResourceName, client)
	return &api.Empty{}, nil
}

func watch(resource string, client api.DevicePluginClient) {
	stream, err := client.ListAndWatch(context.Background(), &api.Empty{})
	for err == nil {
		var list *api.ListAndWatchResponse
		if list, err = stream.Recv(); err == nil {
			devices := map[string]string{}
			for _, d := range list.Devices {
				devices[d.ID] = d.Health
			}
			say(object{"resource": resource, "devices": devices})
		}
	}
	say(object{"ended": resource})
}

func (k *kubelet) allocate(resource string, ids []string) {
	k.lock.Lock()
	client := k.clients[resource]
	k.lock.Unlock()
	if client == nil {
		say(object{"allocated": resource, "error": "no such resource"})
		return
	}
	ctx, done := context.WithTimeout(context.Background(), 10*time.Second)
	defer done()
	request := api.AllocateRequest{ContainerRequests: []*api.ContainerAllocateRequest{{DevicesIds: ids}}}
	response, err := client.Allocate(ctx, &request)
	if err != nil {
		say(object{"allocated": resource, "error": err.Error()})
		return
	}
	say(object{"allocated": resource, "response": response.ContainerResponses[0]})
}

func (k *kubelet) listen() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) > 2 && words[0] == "allocate":
			k.allocate(words[1], words[2:])
		case len(words) == 1 && words[0] == "restart":
			k.serve()
		default:
			fail("not understood: %q", lines.Text())
		}
	}
}

func main() {
	if len(os.Args) < 2 {
		fail("no plugin to start")
	}
	k := &kubelet{clients: map[string]api.DevicePluginClient{}}
	k.serve()
	plugin := exec.Command(os.Args[1], os.Args[2:]...)
	plugin.Stdout, plugin.Stderr = os.Stderr, os.Stderr
	if err := plugin.Start(); err != nil {
		fail("%v", err)
	}
	go k.listen()
	plugin.Wait()
	say(object{"exited": plugin.ProcessState.ExitCode()})
}
