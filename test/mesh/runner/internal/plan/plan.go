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

	networking "istio.io/api/networking/v1alpha3"

	"cdk8s-lanes/mesh-runner/internal/certificates"
	kube "cdk8s-lanes/mesh-runner/internal/cluster"
	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/envoy"
	"cdk8s-lanes/mesh-runner/internal/pilot"
)

// Planner makes plans, and remembers what must not change from one to the next: addresses, identities, and what
// requests need.
type Planner struct {
	// Certificates are those outside the mesh.
	Certificates *Certificates

	slot      *kube.Slot
	calls     map[string][]contract.Call
	authority *certificates.Authority
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
		Certificates: &Certificates{authorities: map[string]*certificates.Authority{}},
		slot:         slot, calls: calls, demands: map[string]demand{},
		clusters: map[string]Named{}, ids: map[string]string{}, listened: map[string]*Listener{},
	}
	if mtls {
		var err error
		if p.authority, err = certificates.NewAuthority(kube.Domain); err != nil {
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
		p.ids[key] = "c" + strconv.Itoa(len(p.ids)+1)
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
	// EndsTLS tells that it ends the TLS of the clients it is for.
	EndsTLS bool

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

// Want notes what a request needs.
func (p *Planner) Want(from Source, call contract.Call) {
	key := from.Key() + " " + callKey(call)
	if _, ok := p.demands[key]; !ok {
		p.demands[key] = demand{from, call}
		p.order = append(p.order, key)
	}
}

// Demands is how many different things requests needed so far.
func (p *Planner) Demands() int { return len(p.order) }

// Forget drops the demands after the first ones.
func (p *Planner) Forget(first int) {
	for _, key := range p.order[first:] {
		delete(p.demands, key)
	}
	p.order = p.order[:first]
}

// callKey tells calls apart as far as plans go.
func callKey(call contract.Call) string {
	key := fmt.Sprintf("%s:%d %v", call.Host, call.Port, call.TLS)
	if call.Next == nil {
		return key
	}
	key += "["
	for _, next := range *call.Next {
		key += callKey(next) + ","
	}
	return key + "]"
}

// Empty is a plan for nobody's demands, which can be asked for addresses.
func (p *Planner) Empty(c *kube.Cluster, server *pilot.Server) *Plan {
	return &Plan{
		Resources: envoy.Resources{}, Apps: map[string]*App{},
		planner: p, cluster: c, pilot: server,
		listeners: map[string]*Listener{}, reached: map[string]*reach{}, followed: map[string]bool{}, ways: map[string]*Way{},
	}
}

// Make plans for a state of the cluster.
func (p *Planner) Make(c *kube.Cluster, server *pilot.Server) (*Plan, error) {
	plan := p.Empty(c, server)
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
		id = "l" + strconv.Itoa(len(p.planner.ids)+1)
		p.planner.ids[key] = id
	}
	known := &Listener{Proxy: proxy.ID(), Name: name, Address: address, id: id, key: key, reach: newReach()}
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
	way, err := p.build(from, call)
	if err != nil {
		return err
	}
	p.ways[wayKey(from, call.Host, call.Port, call.TLS)] = way
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

func splitAddress(address string) (string, int, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	number, err := strconv.Atoi(port)
	return host, number, err
}
