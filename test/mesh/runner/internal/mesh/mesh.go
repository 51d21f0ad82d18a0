// Package mesh is a running mesh: the cluster, istiod, one Envoy and the applications, kept in step.
package mesh

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	meshconfig "istio.io/api/mesh/v1alpha1"

	"cdk8s-lanes/mesh-runner/internal/apps"
	kube "cdk8s-lanes/mesh-runner/internal/cluster"
	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/decide"
	"cdk8s-lanes/mesh-runner/internal/envoy"
	"cdk8s-lanes/mesh-runner/internal/judge"
	"cdk8s-lanes/mesh-runner/internal/manifests"
	"cdk8s-lanes/mesh-runner/internal/pilot"
	"cdk8s-lanes/mesh-runner/internal/plan"
	"cdk8s-lanes/mesh-runner/internal/traffic"
)

// Mesh is a mesh that runs. Requests may be under way while it changes.
type Mesh struct {
	mu sync.Mutex // held by whatever looks at or changes the fields below, not while requests are under way

	options  contract.Mesh
	config   *meshconfig.MeshConfig
	objects  []manifests.Object
	settings *apps.Settings

	slot    *kube.Slot
	planner *plan.Planner
	traffic *traffic.Traffic
	fleet   *apps.Fleet
	envoy   *envoy.Process

	cluster atomic.Pointer[kube.Cluster] // applications look at it while requests are under way
	pilot   *pilot.Server
	plan    *plan.Plan
	decider *decide.Decider // nil until it is needed
	told    []string
}

// Start starts a mesh.
func Start(options contract.Mesh, envoyBinary string) (*Mesh, error) {
	m := &Mesh{options: options}
	if err := m.start(envoyBinary); err != nil {
		m.Stop()
		return nil, err
	}
	return m, nil
}

func (m *Mesh) start(envoyBinary string) (err error) {
	options := m.options
	if m.options.Namespace == "" {
		m.options.Namespace = "default"
	}
	if m.config, err = pilot.MeshConfig(options.MeshConfig, options.MTLS); err != nil {
		return err
	}
	for name, calls := range options.Calls {
		if options.Calls[name], err = normalise(calls); err != nil {
			return contract.Inputf("calls of '%s': %v", name, err)
		}
	}
	if m.objects, err = m.load(options.Manifests); err != nil {
		return err
	}
	if m.slot, err = kube.TakeSlot(); err != nil {
		return err
	}
	if m.planner, err = plan.NewPlanner(m.slot, options.Calls, options.MTLS); err != nil {
		return err
	}
	m.settings = apps.NewSettings(options.Backends, m.services)
	if options.DecideOnly {
		return m.renew()
	}
	m.traffic = traffic.New(m.planner)
	m.fleet = apps.NewFleet(m.traffic, options.Propagate, m.planner.Certificates.Host)
	if m.envoy, err = envoy.Start(envoyBinary, m.traffic.Logged); err != nil {
		return err
	}
	return m.rebuild()
}

// load reads manifests and, unless told otherwise, has Istio's webhook judge them.
func (m *Mesh) load(in contract.Manifests) ([]manifests.Object, error) {
	objects, err := manifests.Load(in, m.options.Namespace)
	if err != nil || m.options.SkipValidation {
		return objects, err
	}
	validation, err := judge.Validate(objects, "")
	if err != nil {
		return nil, err
	}
	return objects, judge.Rejection(validation)
}

// services are the names of the Services that an application belongs to.
func (m *Mesh) services(app *plan.App) []string {
	var names []string
	for _, service := range m.cluster.Load().ServicesOf(app.Pod) {
		names = append(names, service.ID(), service.Name)
	}
	return names
}

// rebuild applies the manifests anew and makes everything follow. If that fails, the mesh stays as it was.
func (m *Mesh) rebuild() error {
	previous, previousPilot := m.cluster.Load(), m.pilot
	err := m.renew()
	if err == nil && !m.options.DecideOnly {
		err = m.apply()
	}
	m.decider = nil
	obsolete := previousPilot
	if err != nil {
		obsolete = m.pilot
		m.cluster.Store(previous)
		m.pilot = previousPilot
	}
	if obsolete != nil && obsolete != m.pilot {
		obsolete.Close()
	}
	return err
}

// renew makes a cluster of the manifests, and an istiod that knows it.
func (m *Mesh) renew() error {
	build := func(unhealthy map[string]bool) (*kube.Cluster, error) {
		return kube.Build(m.objects, kube.Options{Slot: m.slot, Unhealthy: func(pod *kube.Pod) bool { return unhealthy[pod.ID()] }})
	}
	cluster, err := build(nil)
	if err != nil {
		return err
	}
	m.cluster.Store(cluster)
	// Which pods are meant by a Service's name is known only when there are pods.
	unhealthy := map[string]bool{}
	for _, pod := range cluster.Pods {
		if m.settings.Unhealthy(&plan.App{Pod: pod}) {
			unhealthy[pod.ID()] = true
		}
	}
	if len(unhealthy) > 0 {
		if cluster, err = build(unhealthy); err != nil {
			return err
		}
		m.cluster.Store(cluster)
	}
	m.pilot, err = pilot.Start(cluster, m.config)
	return err
}

// apply makes a plan for what requests need so far, and puts it into force.
func (m *Mesh) apply() error {
	next, err := m.planner.Make(m.cluster.Load(), m.pilot)
	if err != nil {
		return err
	}
	running := next.Apps
	if m.plan != nil {
		// Applications that are no longer needed stay until Envoy has stopped using them.
		running = map[string]*plan.App{}
		for _, apps := range []map[string]*plan.App{m.plan.Apps, next.Apps} {
			for address, app := range apps {
				running[address] = app
			}
		}
	}
	if err := m.fleet.Set(running); err != nil {
		return err
	}
	if m.plan == nil {
		m.traffic.Use(next, m.settings)
	}
	if err := m.envoy.Apply(next.Resources); err != nil {
		return err
	}
	m.plan = next
	m.traffic.Use(next, m.settings)
	return m.fleet.Set(next.Apps)
}

// Started describes the mesh.
func (m *Mesh) Started(since time.Time) contract.Started {
	m.mu.Lock()
	defer m.mu.Unlock()
	started := contract.Started{
		Warnings: m.news(), Workloads: []contract.Workload{},
		StartMs: float64(time.Since(since).Microseconds()) / 1000,
	}
	for _, pod := range m.cluster.Load().Pods {
		i := slices.IndexFunc(started.Workloads, func(w contract.Workload) bool {
			return w.Namespace == pod.Namespace && w.Name == pod.Workload
		})
		if i < 0 {
			i = len(started.Workloads)
			started.Workloads = append(started.Workloads, contract.Workload{
				Namespace: pod.Namespace, Name: pod.Workload, Sidecar: pod.Sidecar,
			})
		}
		started.Workloads[i].Pods = append(started.Workloads[i].Pods, pod.Name)
	}
	return started
}

// news are the warnings that were not told before.
func (m *Mesh) news() []string {
	news := []string{}
	warnings := m.cluster.Load().Warnings()
	if m.plan != nil {
		warnings = append(warnings, m.plan.Warnings...)
	}
	for _, warning := range warnings {
		if !slices.Contains(m.told, warning) {
			news = append(news, warning)
		}
	}
	m.told = append(m.told, news...)
	return news
}

// Complete tells whether there is more than what is needed to decide.
func (m *Mesh) Complete() bool { return !m.options.DecideOnly }

// Send sends requests, one after the other. Envoy gets what they need beforehand; what it has stays as it is.
func (m *Mesh) Send(ctx context.Context, requests []contract.Request) (*contract.Sent, error) {
	sources, err := m.prepare(requests)
	if err != nil {
		return nil, err
	}
	sent := &contract.Sent{Outcomes: []contract.Outcome{}}
	for i, r := range requests {
		outcome, err := m.traffic.Send(ctx, r, sources[i], traffic.CallerName(r.From), m.quiet)
		if err != nil {
			return nil, err
		}
		sent.Outcomes = append(sent.Outcomes, outcome)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	sent.Warnings = m.news()
	return sent, nil
}

// prepare checks requests and makes the mesh ready for them.
func (m *Mesh) prepare(requests []contract.Request) ([]plan.Source, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	sources := make([]plan.Source, len(requests))
	for i := range requests {
		r := &requests[i]
		label := r.ID
		if label == "" {
			label = fmt.Sprint(i + 1)
		}
		var err error
		if sources[i], err = m.check(r); err != nil {
			return nil, contract.Inputf("request %s: %v", label, err)
		}
	}
	before := m.planner.Demands()
	for i, r := range requests {
		m.planner.Want(sources[i], r.Call)
	}
	if m.planner.Demands() == before {
		return sources, nil
	}
	if err := m.apply(); err != nil {
		// What Envoy refuses must not stand in the way of other requests.
		m.planner.Forget(before)
		return nil, err
	}
	return sources, nil
}

// quiet waits until shadow copies have arrived: until the clusters that get some have no more requests under way than
// applications have.
func (m *Mesh) quiet() {
	if !m.traffic.Mirrors() {
		return
	}
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		busy := m.fleet.Busy()
		active, err := m.envoy.Active()
		if err != nil {
			return
		}
		for id, count := range active {
			if named, ok := m.planner.Cluster(id); ok && named.Mirror {
				busy -= int64(count)
			}
		}
		if busy >= 0 {
			return
		}
	}
}

// SetBackends replaces the behaviours of applications, and their counters.
func (m *Mesh) SetBackends(backends map[string]contract.Behaviour) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	previous := m.settings
	m.settings = apps.NewSettings(backends, m.services)
	for _, pod := range m.cluster.Load().Pods {
		if pod.Ready == m.settings.Unhealthy(&plan.App{Pod: pod}) {
			if err := m.rebuild(); err != nil {
				m.settings = previous
				return err
			}
			return nil
		}
	}
	m.traffic.Use(m.plan, m.settings)
	return nil
}

// Update replaces the manifests. Envoy keeps running, and keeps what does not change.
func (m *Mesh) Update(in contract.Manifests) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	objects, err := m.load(in)
	if err != nil {
		return err
	}
	previous := m.objects
	m.objects = objects
	if err := m.rebuild(); err != nil {
		m.objects = previous
		return err
	}
	return nil
}

// Stop ends everything.
func (m *Mesh) Stop() {
	if m.envoy != nil {
		m.envoy.Stop()
	}
	if m.fleet != nil {
		_ = m.fleet.Set(nil)
	}
	if m.pilot != nil {
		m.pilot.Close()
	}
	if m.slot != nil {
		m.slot.Release()
	}
}
