package envoy

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"regexp"
	"sort"
	"strconv"
	"sync"
	"time"

	accesslog "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"cdk8s-lanes/mesh-runner/internal/contract"
)

// The resource types, in the order in which a change is made: what is referred to comes before what refers to it.
const (
	typePrefix   = "type.googleapis.com/envoy.config."
	ClusterType  = typePrefix + "cluster.v3.Cluster"
	EndpointType = typePrefix + "endpoint.v3.ClusterLoadAssignment"
	ListenerType = typePrefix + "listener.v3.Listener"
	RouteType    = typePrefix + "route.v3.RouteConfiguration"
)

var order = []string{ClusterType, EndpointType, ListenerType, RouteType}

// Resources are what Envoy is to have, by type and name.
type Resources map[string]map[string]*anypb.Any

// Add packs a resource.
func (r Resources) Add(kind, name string, message proto.Message) error {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if r[kind] == nil {
		r[kind] = map[string]*anypb.Any{}
	}
	r[kind][name] = &anypb.Any{TypeUrl: kind, Value: data}
	return nil
}

// control is the server that Envoy talks to: it hands out configuration (ADS) and takes access logs (ALS).
type control struct {
	accesslog.UnimplementedAccessLogServiceServer
	discovery.UnimplementedAggregatedDiscoveryServiceServer

	server *grpc.Server
	onLog  func(*accesslog.StreamAccessLogsMessage_HTTPAccessLogEntries)

	mu        sync.Mutex
	changed   *sync.Cond
	resources Resources
	kinds     map[string]*kindState
	push      func(kind string) // nil until Envoy has connected
	gone      error
}

// kindState is what is known of one type of resources on the connection.
type kindState struct {
	names   []string // what Envoy asked for; empty means all
	asked   bool
	sent    int // version sent last
	settled int // version that Envoy accepted or refused last
	refusal string
}

func newControl(socket string, onLog func(*accesslog.StreamAccessLogsMessage_HTTPAccessLogEntries)) (*control, error) {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, err
	}
	c := &control{server: grpc.NewServer(), onLog: onLog, resources: Resources{}, kinds: map[string]*kindState{}}
	c.changed = sync.NewCond(&c.mu)
	for _, kind := range order {
		c.kinds[kind] = &kindState{}
	}
	discovery.RegisterAggregatedDiscoveryServiceServer(c.server, c)
	accesslog.RegisterAccessLogServiceServer(c.server, c)
	go c.server.Serve(listener)
	return c, nil
}

// StreamAccessLogs receives access logs.
func (c *control) StreamAccessLogs(stream accesslog.AccessLogService_StreamAccessLogsServer) error {
	for {
		message, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if logs := message.GetHttpLogs(); logs != nil {
			c.onLog(logs)
		}
	}
}

// StreamAggregatedResources serves configuration (state of the world).
func (c *control) StreamAggregatedResources(stream discovery.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	// Sending is serialised by the lock, which every caller of push holds.
	push := func(kind string) {
		state := c.kinds[kind]
		state.sent++
		version := strconv.Itoa(state.sent)
		response := &discovery.DiscoveryResponse{TypeUrl: kind, VersionInfo: version, Nonce: version}
		names := state.names
		if len(names) == 0 {
			for name := range c.resources[kind] {
				names = append(names, name)
			}
			sort.Strings(names)
		}
		for _, name := range names {
			if resource := c.resources[kind][name]; resource != nil {
				response.Resources = append(response.Resources, resource)
			}
		}
		// An error here ends the stream, which Recv reports.
		_ = stream.Send(response)
	}
	c.mu.Lock()
	c.push = push
	c.mu.Unlock()
	for {
		request, err := stream.Recv()
		if err != nil {
			return err
		}
		c.mu.Lock()
		c.request(request)
		c.mu.Unlock()
	}
}

// request handles a subscription or an acknowledgement.
func (c *control) request(request *discovery.DiscoveryRequest) {
	state := c.kinds[request.TypeUrl]
	if state == nil {
		return
	}
	if nonce, _ := strconv.Atoi(request.ResponseNonce); nonce == state.sent && nonce > state.settled {
		state.settled = nonce
		state.refusal = ""
		if detail := request.ErrorDetail; detail != nil {
			state.refusal = debugMark.ReplaceAllString(detail.Message, "")
		}
		c.changed.Broadcast()
	}
	if !state.asked || !equal(state.names, request.ResourceNames) {
		state.asked = true
		state.names = request.ResourceNames
		c.push(request.TypeUrl)
		c.changed.Broadcast()
	}
}

// debugMark is what protobuf puts before the text of a message, lest anybody parses it.
var debugMark = regexp.MustCompile(`goo\.gle/debug\w+\s*`)

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	known := make(map[string]bool, len(a))
	for _, name := range a {
		known[name] = true
	}
	for _, name := range b {
		if !known[name] {
			return false
		}
	}
	return true
}

// apply makes Envoy have these resources and waits for its answers. (That listeners are ready is known later: see
// Process.Apply.) If Envoy refuses some, it gets back what it had.
func (c *control) apply(resources Resources, timeout time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	previous := c.resources
	err := c.change(resources, timeout)
	if err != nil {
		c.undo(previous, timeout)
	}
	return err
}

// restore gives Envoy back what it had, when it refuses something after apply.
func (c *control) restore(previous Resources, timeout time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.undo(previous, timeout)
}

// undo gives Envoy what it had before. What counts is the first refusal, so further ones do not matter.
func (c *control) undo(previous Resources, timeout time.Duration) {
	c.resources = previous
	for _, kind := range []string{ListenerType, ClusterType, EndpointType, RouteType} {
		c.kinds[kind].refusal = ""
		_ = c.settle(kind, time.Now().Add(timeout))
	}
}

// change makes before it breaks: first Envoy gets everything that is new beside everything that is old, then only the
// new.
func (c *control) change(resources Resources, timeout time.Duration) error {
	// Waiting on a condition cannot time out by itself.
	alarm := time.AfterFunc(timeout, c.changed.Broadcast)
	defer alarm.Stop()
	end := time.Now().Add(timeout)
	for _, state := range c.kinds {
		state.refusal = ""
	}
	both := Resources{}
	removes := false
	for _, kind := range order {
		both[kind] = map[string]*anypb.Any{}
		for _, from := range []Resources{c.resources, resources} {
			for name, resource := range from[kind] {
				both[kind][name] = resource
			}
		}
		removes = removes || len(both[kind]) > len(resources[kind])
	}
	c.resources = both
	for _, kind := range order {
		if err := c.settle(kind, end); err != nil {
			return err
		}
	}
	c.resources = resources
	if !removes {
		return nil
	}
	if err := c.settle(ListenerType, end); err != nil {
		return err
	}
	return c.settle(ClusterType, end)
}

// current is what Envoy is to have now.
func (c *control) current() Resources {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.resources
}

// changesEndpoints tells whether these resources change the endpoints of a cluster that Envoy has.
func (c *control) changesEndpoints(resources Resources) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, resource := range resources[EndpointType] {
		if known := c.resources[EndpointType][name]; known != nil && !bytes.Equal(known.Value, resource.Value) {
			return true
		}
	}
	return false
}

// settle pushes one type and waits for the answer. Clusters and listeners Envoy always asks for; endpoints and routes
// only when a cluster or listener needs them, and then it may ask later, by itself.
func (c *control) settle(kind string, end time.Time) error {
	state := c.kinds[kind]
	always := kind == ClusterType || kind == ListenerType
	if state.asked && state.settled == state.sent {
		c.push(kind)
	}
	for always && !state.asked || state.settled < state.sent {
		if err := c.failure(); err != nil {
			return err
		}
		if !time.Now().Before(end) {
			return contract.Refusedf("Envoy did not take its configuration (%s) in time", kind[len(typePrefix):])
		}
		c.changed.Wait()
	}
	return c.failure()
}

// failure is the first thing that Envoy refused, or that it is gone.
func (c *control) failure() error {
	for _, kind := range order {
		if refusal := c.kinds[kind].refusal; refusal != "" {
			return contract.Refusedf("Envoy refuses the configuration: %s", refusal)
		}
	}
	return c.gone
}

// failed is failure for those who do not hold the lock.
func (c *control) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failure()
}

// lost tells everybody who waits that Envoy is gone.
func (c *control) lost(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = err
	c.changed.Broadcast()
}
