// Package pilot runs istiod in this process and asks it what it would send to a proxy.
package pilot

import (
	"encoding/json"
	"fmt"
	"runtime/debug"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/pilot/pkg/features"
	"istio.io/istio/pilot/pkg/model"
	labelutil "istio.io/istio/pilot/pkg/serviceregistry/util/label"
	"istio.io/istio/pilot/pkg/xds/endpoints"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/config/schema/kind"
	"istio.io/istio/pkg/log"
	"istio.io/istio/pkg/test"
	"istio.io/istio/pkg/util/sets"

	kube "cdk8s-lanes/mesh-runner/internal/cluster"
	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/quiet"
)

// ProxyVersion is what the proxies say they are; istiod adapts its configuration to it.
const ProxyVersion = "1.31.0"

func init() {
	// A stock Envoy lacks Istio's own filters.
	features.ALPNFilter = false
	features.MetadataExchange = false
	options := log.DefaultOptions()
	options.OutputPaths = []string{"stderr"}
	level := log.NoneLevel
	if quiet.Debug {
		level = log.InfoLevel
	}
	for name := range log.Scopes() {
		options.SetDefaultOutputLevel(name, level)
	}
	// Configure fails only for unusable paths.
	_ = log.Configure(options)
}

// Proxy is a proxy that istiod is asked about.
type Proxy struct {
	Namespace      string
	Name           string
	IP             string
	Labels         map[string]string
	Annotations    map[string]string
	ServiceAccount string
	Router         bool
}

// ID is "namespace/name".
func (p Proxy) ID() string { return p.Namespace + "/" + p.Name }

// ForPod is the proxy of a pod.
func ForPod(pod *kube.Pod) Proxy {
	return Proxy{
		Namespace: pod.Namespace, Name: pod.Name, IP: pod.IP, Router: pod.Router,
		Labels: pod.Object.Labels, Annotations: pod.Object.Annotations,
		ServiceAccount: pod.Object.Spec.ServiceAccountName,
	}
}

// Server is an istiod that knows one state of the cluster.
type Server struct {
	jobs    chan job
	done    chan error
	configs map[string]*Config
}

type job struct {
	run  func(*xds.FakeDiscoveryServer) error
	done chan error
}

// MeshConfig merges what the user gave over Istio's defaults.
func MeshConfig(overrides map[string]any, mtls bool) (*meshconfig.MeshConfig, error) {
	defaults := mesh.DefaultMeshConfig()
	defaults.EnableAutoMtls = wrapperspb.Bool(mtls)
	if len(overrides) == 0 {
		return defaults, nil
	}
	data, err := json.Marshal(overrides)
	if err != nil {
		return nil, contract.Inputf("meshConfig: %v", err)
	}
	merged, err := mesh.ApplyMeshConfig(string(data), defaults)
	if err != nil {
		return nil, contract.Inputf("meshConfig: %v", err)
	}
	return merged, nil
}

// Start runs istiod. Its test harness cleans up when the function it was created in returns, so that function stays
// and takes jobs until Close.
func Start(c *kube.Cluster, mc *meshconfig.MeshConfig) (*Server, error) {
	s := &Server{jobs: make(chan job), done: make(chan error, 1), configs: map[string]*Config{}}
	started := make(chan struct{})
	go func() {
		s.done <- test.Wrap(func(t test.Failer) {
			fake := xds.NewFakeDiscoveryServer(t, xds.FakeOptions{
				Configs: c.Configs, KubernetesObjects: c.Objects, MeshConfig: mc,
			})
			close(started)
			for j := range s.jobs {
				j.done <- protect(func() error { return j.run(fake) })
			}
		})
	}()
	select {
	case <-started:
		return s, nil
	case err := <-s.done:
		return nil, fmt.Errorf("istiod did not start: %w", err)
	}
}

// protect turns a panic into an error.
func protect(run func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("istiod: %v\n%s", r, debug.Stack())
		}
	}()
	return run()
}

// do runs a job inside istiod's function. A job that fails the harness ends it; that error is returned too.
func (s *Server) do(run func(*xds.FakeDiscoveryServer) error) error {
	j := job{run: run, done: make(chan error, 1)}
	select {
	case s.jobs <- j:
	case err := <-s.done:
		s.done <- err
		return fmt.Errorf("istiod has stopped: %w", err)
	}
	select {
	case err := <-j.done:
		return err
	case err := <-s.done:
		s.done <- err
		return fmt.Errorf("istiod has stopped: %w", err)
	}
}

// Close stops istiod.
func (s *Server) Close() {
	close(s.jobs)
	<-s.done
}

// Config is what istiod sends to one proxy.
type Config struct {
	Listeners []*listener.Listener
	Clusters  map[string]*cluster.Cluster

	server    *Server
	proxy     *model.Proxy
	routes    map[string]*route.RouteConfiguration
	endpoints map[string]*endpoint.ClusterLoadAssignment
}

// Config asks istiod for the listeners and clusters of a proxy.
func (s *Server) Config(p Proxy) (*Config, error) {
	return s.config(p.ID(), p, func(fake *xds.FakeDiscoveryServer, proxy *model.Proxy) []*cluster.Cluster {
		return fake.Clusters(proxy)
	})
}

// Inbound asks only for the part of a sidecar that takes requests. In a mesh of many services the rest is most of the
// work, and few pods send anything.
func (s *Server) Inbound(p Proxy) (*Config, error) {
	if known := s.configs[p.ID()]; known != nil {
		return known, nil
	}
	return s.config("inbound "+p.ID(), p, func(fake *xds.FakeDiscoveryServer, proxy *model.Proxy) []*cluster.Cluster {
		// An update of a service that is not there leaves no outbound clusters to build.
		nothing := sets.New(model.ConfigKey{Kind: kind.ServiceEntry, Name: "none"})
		clusters, _, _ := fake.DeltaClusters(proxy, nothing, &model.WatchedResource{})
		proxy.SidecarScope.Services() // completes the scope before it is copied
		scope := *proxy.SidecarScope
		scope.EgressListeners = nil
		proxy.SidecarScope = &scope
		return clusters
	})
}

func (s *Server) config(key string, p Proxy, clusters func(*xds.FakeDiscoveryServer, *model.Proxy) []*cluster.Cluster) (*Config, error) {
	if known := s.configs[key]; known != nil {
		return known, nil
	}
	result := &Config{
		server: s, Clusters: map[string]*cluster.Cluster{},
		routes: map[string]*route.RouteConfiguration{}, endpoints: map[string]*endpoint.ClusterLoadAssignment{},
	}
	err := s.do(func(fake *xds.FakeDiscoveryServer) error {
		role := model.SidecarProxy
		if p.Router {
			role = model.Router
		}
		result.proxy = fake.SetupProxy(&model.Proxy{
			Type: role, ID: p.Name + "." + p.Namespace, IPAddresses: []string{p.IP},
			ConfigNamespace: p.Namespace, DNSDomain: p.Namespace + ".svc." + kube.Domain,
			// As istiod does when a proxy connects; without any label it would know no failover priorities.
			Labels: labelutil.AugmentLabels(p.Labels, "Kubernetes", "", "", ""),
			Metadata: &model.NodeMetadata{
				Namespace: p.Namespace, Labels: p.Labels, Annotations: p.Annotations, ServiceAccount: p.ServiceAccount,
				IstioVersion: ProxyVersion, ClusterID: "Kubernetes", InstanceIPs: []string{p.IP},
			},
		})
		for _, c := range clusters(fake, result.proxy) {
			result.Clusters[c.Name] = c
		}
		result.Listeners = fake.Listeners(result.proxy)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.configs[key] = result
	return result, nil
}

// Route asks for the route configuration that a listener of this proxy names; nil if istiod has none.
func (c *Config) Route(l *listener.Listener, name string) (*route.RouteConfiguration, error) {
	if known, ok := c.routes[name]; ok {
		return known, nil
	}
	err := c.server.do(func(fake *xds.FakeDiscoveryServer) error {
		for _, r := range fake.RoutesFromListeners(c.proxy, []*listener.Listener{l}) {
			c.routes[r.Name] = r
		}
		return nil
	})
	return c.routes[name], err
}

// Endpoints asks for the endpoints of a cluster.
func (c *Config) Endpoints(name string) (*endpoint.ClusterLoadAssignment, error) {
	if known, ok := c.endpoints[name]; ok {
		return known, nil
	}
	err := c.server.do(func(fake *xds.FakeDiscoveryServer) error {
		builder := endpoints.NewEndpointBuilder(name, c.proxy, fake.PushContext())
		c.endpoints[name] = builder.BuildClusterLoadAssignment(fake.Discovery.Env.EndpointIndex)
		return nil
	})
	return c.endpoints[name], err
}
