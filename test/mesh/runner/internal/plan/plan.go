// Package plan turns what istiod would send to many proxies into the configuration of one Envoy that stands for all of
// them, as far as requests can get: it starts at the senders, follows istiod's routes to clusters, their endpoints to
// pods, and the pods' own calls onward. Every listener gets an address of its own; nothing is ever sent outside the
// loopback network.
package plan

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"

	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"

	networking "istio.io/api/networking/v1alpha3"

	kube "cdk8s-lanes/mesh-runner/internal/cluster"
	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/envoy"
	"cdk8s-lanes/mesh-runner/internal/pilot"
)

// Planner makes plans, and remembers what must not change from one to the next: addresses, identities, and what
// requests need.
type Planner struct {
	slot      *kube.Slot
	calls     map[string][]contract.Call
	authority *authority
	demands   map[string]demand
	order     []string

	mu       sync.Mutex
	clusters map[string]Named // by identity, such as "c7"
	ids      map[string]string
	listened map[string]*Listener
}

// Named tells what a statistic or a log line is about.
type Named struct {
	Proxy   string
	Cluster string
	// Mirror tells that some route sends shadow copies there.
	Mirror bool
}

// demand is something that requests need: a sender's way to a host and port, and what is called from there.
type demand struct {
	from Source
	call contract.Call
}

// NewPlanner makes a planner.
func NewPlanner(slot *kube.Slot, calls map[string][]contract.Call, mtls bool) (*Planner, error) {
	p := &Planner{
		slot: slot, calls: calls, demands: map[string]demand{},
		clusters: map[string]Named{}, ids: map[string]string{}, listened: map[string]*Listener{},
	}
	if mtls {
		var err error
		if p.authority, err = newAuthority(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// clusterID is what Envoy calls the cluster in statistics and logs. (Its real name has dots, as do the names of
// statistics.)
func (p *Planner) clusterID(proxy pilot.Proxy, name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := clusterName(proxy, name)
	if p.ids[key] == "" {
		p.ids[key] = "c" + strconv.Itoa(len(p.clusters)+1)
		p.clusters[p.ids[key]] = Named{Proxy: proxy.ID(), Cluster: name}
	}
	return p.ids[key]
}

// mirrored notes that shadow copies are sent to a cluster.
func (p *Planner) mirrored(proxy pilot.Proxy, name string) {
	id := p.clusterID(proxy, name)
	p.mu.Lock()
	defer p.mu.Unlock()
	named := p.clusters[id]
	named.Mirror = true
	p.clusters[id] = named
}

// Cluster tells what a cluster's identity stands for.
func (p *Planner) Cluster(id string) (Named, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	named, ok := p.clusters[id]
	return named, ok
}

// Listener tells what a listener's identity stands for.
func (p *Planner) Listener(id string) *Listener {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.listened[id]
}

// Plan is the configuration for one state of the cluster and the demands so far.
type Plan struct {
	Resources envoy.Resources
	// Apps are the applications that must listen, by address.
	Apps map[string]*App
	// Mirrors tells that some route makes shadow copies.
	Mirrors bool
	// Warnings tell where the mesh differs from a real one.
	Warnings []string

	planner   *Planner
	cluster   *kube.Cluster
	pilot     *pilot.Server
	listeners map[string]*Listener
	reached   map[string]*reach
	followed  map[string]bool
	ways      map[string]*Way
}

// Listener is one listener of the one Envoy.
type Listener struct {
	Proxy   string
	Name    string
	Address string
	// HTTP tells that it logs requests, Inbound that it stands before an application.
	HTTP    bool
	Inbound bool

	id    string
	key   string
	reach *reach
}

// App is an application, something outside the mesh that only answers, or a Service.
type App struct {
	Address string
	Port    int
	Pod     *kube.Pod
	// External is the name of a host outside the mesh.
	External string
	// Forward are the endpoints of a Service whose own address this is.
	Forward []string
}

// Source is where calls come from.
type Source struct {
	// Proxy is the sender's own proxy, or the gateway; only its namespace and address count if Plain.
	Proxy pilot.Proxy
	// Plain means: no proxy on the sender's side.
	Plain bool
	// ClientIP is where a client of a gateway is.
	ClientIP string
}

// Key tells sources apart.
func (s Source) Key() string {
	return fmt.Sprintf("%s %v %v %s", s.Proxy.ID(), s.Plain, s.Proxy.Router, s.ClientIP)
}

// SourceOf is a pod as a source.
func SourceOf(pod *kube.Pod) Source {
	return Source{Proxy: pilot.ForPod(pod), Plain: !pod.Sidecar}
}

// Want notes what a request needs; it tells whether that is new.
func (p *Planner) Want(from Source, call contract.Call) bool {
	key := from.Key() + " " + callKey(call)
	if _, ok := p.demands[key]; ok {
		return false
	}
	p.demands[key] = demand{from, call}
	p.order = append(p.order, key)
	return true
}

// callKey tells calls apart as far as plans go.
func callKey(call contract.Call) string {
	key := fmt.Sprintf("%s:%d", call.Host, call.Port)
	if call.Next == nil {
		return key
	}
	key += "["
	for _, next := range *call.Next {
		key += callKey(next) + ","
	}
	return key + "]"
}

// Make plans for a state of the cluster.
func (p *Planner) Make(c *kube.Cluster, server *pilot.Server) (*Plan, error) {
	plan := &Plan{
		Resources: envoy.Resources{}, Apps: map[string]*App{},
		planner: p, cluster: c, pilot: server,
		listeners: map[string]*Listener{}, reached: map[string]*reach{}, followed: map[string]bool{}, ways: map[string]*Way{},
	}
	for _, key := range p.order {
		if err := plan.follow(p.demands[key].from, p.demands[key].call); err != nil {
			return nil, err
		}
	}
	return plan, nil
}

func (p *Plan) warn(format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	if !slices.Contains(p.Warnings, message) {
		p.Warnings = append(p.Warnings, message)
	}
}

func (p *Plan) newListener(key string, proxy pilot.Proxy, name, address string) *Listener {
	p.planner.mu.Lock()
	defer p.planner.mu.Unlock()
	id := p.planner.ids[key]
	if id == "" {
		id = "l" + strconv.Itoa(len(p.planner.listened)+1)
		p.planner.ids[key] = id
	}
	known := &Listener{Proxy: proxy.ID(), Name: name, Address: address, id: id, key: key, reach: newReach()}
	p.planner.listened[id] = known
	p.listeners[key] = known
	return known
}

// follow builds everything that a call needs, and what the applications that may answer it call.
func (p *Plan) follow(from Source, call contract.Call) error {
	key := from.Key() + " " + callKey(call)
	if p.followed[key] {
		return nil
	}
	p.followed[key] = true
	way, err := p.build(from, call.Host, call.Port)
	if err != nil {
		return err
	}
	p.ways[wayKey(from, call.Host, call.Port)] = way
	for _, pod := range way.reach.pods {
		for _, next := range p.Calls(pod, call.Next) {
			if err := p.follow(SourceOf(pod), next); err != nil {
				return err
			}
		}
	}
	return nil
}

// Pod finds a pod by its name.
func (p *Plan) Pod(namespace, name string) *kube.Pod {
	for _, pod := range p.cluster.Pods {
		if pod.Namespace == namespace && pod.Name == name {
			return pod
		}
	}
	return nil
}

// Calls are what the application of a pod calls.
func (p *Plan) Calls(pod *kube.Pod, override *[]contract.Call) []contract.Call {
	if override != nil {
		return *override
	}
	names := pod.Names()
	for _, service := range p.cluster.ServicesOf(pod) {
		names = append(names, service.ID())
	}
	for _, service := range p.cluster.ServicesOf(pod) {
		names = append(names, service.Name)
	}
	for _, name := range names {
		if calls, ok := p.planner.calls[name]; ok {
			return calls
		}
	}
	return nil
}

// reach is which pods a listener, route or cluster leads to.
type reach struct {
	pods  []*kube.Pod
	known map[string]bool
}

func newReach() *reach { return &reach{known: map[string]bool{}} }

func (r *reach) addPod(pod *kube.Pod) {
	if !r.known[pod.ID()] {
		r.known[pod.ID()] = true
		r.pods = append(r.pods, pod)
	}
}

func (r *reach) add(other *reach) {
	for _, pod := range other.pods {
		r.addPod(pod)
	}
}

// reachAddress makes sure that something answers at an address of the mesh.
func (p *Plan) reachAddress(address string, reach *reach) error {
	host, port, err := splitAddress(address)
	if err != nil {
		return err
	}
	pod := p.cluster.Pod(host)
	if pod == nil {
		return nil
	}
	reach.addPod(pod)
	if p.reached["pod "+address] != nil || pod.Router {
		return nil
	}
	p.reached["pod "+address] = newReach()
	if pod.Sidecar {
		return p.inboundListener(pod, port)
	}
	if slices.Contains(p.cluster.Ports(pod), port) {
		p.addApp(&App{Address: address, Port: port, Pod: pod})
	}
	return nil
}

func (p *Plan) addApp(app *App) { p.Apps[app.Address] = app }

// standIn is the address of something that answers in the name of a host outside the mesh. Behind names that only the
// cluster could know, and does not, nothing answers.
func (p *Plan) standIn(host string, port int) string {
	address := net.JoinHostPort(p.planner.slot.AppIP("host "+host), strconv.Itoa(port))
	if !p.cluster.Internal(host) || p.serviceEntry(host) != nil {
		p.addApp(&App{Address: address, Port: port, External: host})
	}
	return address
}

// serviceEntry finds the ServiceEntry with this very host.
func (p *Plan) serviceEntry(host string) *networking.ServiceEntry {
	for _, cfg := range p.cluster.Configs {
		if entry, ok := cfg.Spec.(*networking.ServiceEntry); ok && slices.Contains(entry.Hosts, host) {
			return entry
		}
	}
	return nil
}

// Way is how a call leaves its sender.
type Way struct {
	// Addresses to connect to; one is chosen per connection. None: the connection is refused.
	Addresses []string
	// Destinations are where the sender may mean to connect to, which it tells its proxy; empty if it has none.
	Destinations []string
	// Local is the sender's own address.
	Local string
	// Logged tells that the sender's proxy logs HTTP requests on this way.
	Logged bool

	reach *reach
}

// Way tells how a call leaves its sender, nil if nobody wanted that.
func (p *Plan) Way(from Source, host string, port int) *Way { return p.ways[wayKey(from, host, port)] }

func wayKey(from Source, host string, port int) string {
	return fmt.Sprintf("%s %s:%d", from.Key(), host, port)
}

// build finds how a call leaves its sender, and builds what it needs.
func (p *Plan) build(from Source, host string, port int) (*Way, error) {
	switch {
	case from.Proxy.Router && !from.Plain:
		return p.gatewayWay(from, host, port)
	case from.Plain:
		return p.plainWay(from, host, port)
	}
	return p.sidecarWay(from, host, port)
}

// gatewayWay enters the mesh: the Service in front of the gateway translates the port.
func (p *Plan) gatewayWay(from Source, host string, port int) (*Way, error) {
	way := &Way{Local: from.ClientIP, reach: newReach()}
	cfg, err := p.pilot.Config(from.Proxy)
	if err != nil {
		return nil, err
	}
	target := port
	if pod := p.cluster.Pod(from.Proxy.IP); pod != nil {
		for _, service := range p.cluster.ServicesOf(pod) {
			for _, sp := range service.Object.Spec.Ports {
				if int(sp.Port) == port {
					target = service.TargetPort(sp, pod)
				}
			}
		}
	}
	for _, l := range cfg.Listeners {
		if int(l.GetAddress().GetSocketAddress().GetPortValue()) == target {
			known, err := p.gatewayListener(cfg, from.Proxy, l, host)
			if err != nil {
				return nil, err
			}
			way.Addresses, way.Logged, way.reach = []string{known.Address}, known.HTTP, known.reach
			return way, nil
		}
	}
	return way, nil
}

// plainWay is what Kubernetes alone does: a Service's ready endpoints in turn.
func (p *Plan) plainWay(from Source, host string, port int) (*Way, error) {
	way := &Way{Local: from.Proxy.IP, reach: newReach()}
	if target := p.cluster.Resolve(host, from.Proxy.Namespace); target.Pod != nil {
		way.Addresses = []string{net.JoinHostPort(target.Pod.IP, strconv.Itoa(port))}
	} else {
		way.Addresses = p.resolveAll(host, from.Proxy.Namespace, port)
	}
	for _, address := range way.Addresses {
		if err := p.reachAddress(address, way.reach); err != nil {
			return nil, err
		}
	}
	return way, nil
}

// sidecarWay goes through the sender's own proxy: the listener that iptables and the proxy would choose.
func (p *Plan) sidecarWay(from Source, host string, port int) (*Way, error) {
	cfg, err := p.pilot.Config(from.Proxy)
	if err != nil {
		return nil, err
	}
	asked, destinations := p.destination(host, from.Proxy.Namespace, port)
	var chosen *listener.Listener
	for _, name := range []string{fmt.Sprintf("%s_%d", asked, port), fmt.Sprintf("0.0.0.0_%d", port), virtualOutbound} {
		for _, l := range cfg.Listeners {
			if l.Name == name && chosen == nil {
				chosen = l
			}
		}
	}
	way := &Way{Local: from.Proxy.IP, reach: newReach()}
	if chosen == nil {
		return way, nil
	}
	known, err := p.outboundListener(cfg, from.Proxy, chosen)
	if err != nil {
		return nil, err
	}
	way.Addresses, way.Logged = []string{known.Address}, known.HTTP
	way.Destinations = destinations
	way.reach.add(known.reach)
	for _, address := range destinations {
		// Clusters of the type ORIGINAL_DST go where the sender meant to go.
		addresses := []string{address}
		if app := p.Apps[address]; app != nil && app.Forward != nil {
			addresses = app.Forward
		}
		for _, address := range addresses {
			if err := p.reachAddress(address, way.reach); err != nil {
				return nil, err
			}
		}
	}
	return way, nil
}

// destination is the address that a name stands for, for the choice of the listener, and the loopback addresses with
// ports that stand for it here.
func (p *Plan) destination(host, namespace string, port int) (asked string, loopback []string) {
	at := func(ip string) []string { return []string{net.JoinHostPort(ip, strconv.Itoa(port))} }
	target := p.cluster.Resolve(host, namespace)
	for range 4 { // ExternalName Services may follow each other
		if target.Service == nil || target.Service.ExternalName == "" {
			break
		}
		host = target.Service.ExternalName
		target = p.cluster.Resolve(host, namespace)
	}
	switch {
	case target.Pod != nil:
		return target.Pod.IP, at(target.Pod.IP)
	case target.Service != nil && target.Service.IP != "":
		loopback = at(target.Service.IP)
		// Proxies pass on what is not HTTP, or not the HTTP they know, to where the sender meant to go: to the Service
		// itself, where kube-proxy takes over.
		if forward := p.cluster.Endpoints(target.Service, port); len(forward) > 0 {
			p.addApp(&App{Address: loopback[0], Port: port, External: host, Forward: forward})
		}
		return target.Service.IP, loopback
	case target.Service != nil:
		// A headless Service's name stands for its pods.
		loopback = p.cluster.Endpoints(target.Service, port)
		if len(loopback) > 0 {
			asked, _, _ = net.SplitHostPort(loopback[0])
			return asked, loopback
		}
	}
	loopback = []string{p.standIn(host, port)}
	asked, _, _ = net.SplitHostPort(loopback[0])
	for _, address := range p.serviceEntry(host).GetAddresses() {
		if net.ParseIP(address) != nil {
			asked = address
		}
	}
	return asked, loopback
}

func splitAddress(address string) (string, int, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	number, err := strconv.Atoi(port)
	return host, number, err
}
