package live

import (
	"fmt"
	"net"
	"runtime/debug"
	"time"

	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"

	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/kube"
	"istio.io/istio/pkg/test"

	cluster "cdk8s-lanes/mesh-runner/internal/cluster"
	"cdk8s-lanes/mesh-runner/internal/pilot"
)

// debounce is how long istiod gathers changes before it pushes them, as in production.
const debounce = 100 * time.Millisecond

// istiod serves delta ADS at a socket, and learns of changes as in a cluster: from the API server and the config store.
type istiod struct {
	fake *xds.FakeDiscoveryServer
	stop chan struct{}
	done chan error
}

// startIstiod runs istiod. Its test harness cleans up when the function that it was made in returns, so that one stays.
func startIstiod(c *cluster.Cluster, mc *meshconfig.MeshConfig, socket string) (*istiod, error) {
	i := &istiod{stop: make(chan struct{}), done: make(chan error, 1)}
	started := make(chan struct{})
	go func() {
		i.done <- test.Wrap(func(t test.Failer) {
			i.fake = xds.NewFakeDiscoveryServer(t, xds.FakeOptions{
				Configs: c.Configs, KubernetesObjects: c.Objects, MeshConfig: mc, DebounceTime: debounce,
				ListenerBuilder: func() (net.Listener, error) { return net.Listen("unix", socket) },
			})
			close(started)
			<-i.stop
		})
	}()
	select {
	case <-started:
		return i, nil
	case err := <-i.done:
		return nil, fmt.Errorf("istiod did not start: %w", err)
	}
}

func (i *istiod) close() {
	close(i.stop)
	<-i.done
}

// listeners are those that istiod would send to a proxy.
func (i *istiod) listeners(p pilot.Proxy) (found []*listener.Listener, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("istiod: %v\n%s", r, debug.Stack())
		}
	}()
	role := model.SidecarProxy
	if p.Router {
		role = model.Router
	}
	proxy := i.fake.SetupProxy(&model.Proxy{
		Type: role, ID: p.Name + "." + p.Namespace, IPAddresses: []string{p.IP},
		ConfigNamespace: p.Namespace, DNSDomain: p.Namespace + ".svc." + cluster.Domain, Labels: p.Labels,
		Metadata: metadata(p),
	})
	return i.fake.Listeners(proxy), nil
}

// metadata is what a proxy says of itself.
func metadata(p pilot.Proxy) *model.NodeMetadata {
	return &model.NodeMetadata{
		Namespace: p.Namespace, Labels: p.Labels, Annotations: p.Annotations, ServiceAccount: p.ServiceAccount,
		IstioVersion: pilot.ProxyVersion, ClusterID: "Kubernetes", InstanceIPs: []string{p.IP},
	}
}

func (i *istiod) client() kube.Client { return i.fake.KubeClient() }

// put creates an object, or replaces what is there.
func (i *istiod) put(cfg config.Config) error {
	store := i.fake.Store()
	if known := store.Get(cfg.GroupVersionKind, cfg.Name, cfg.Namespace); known != nil {
		cfg.ResourceVersion = known.ResourceVersion
		_, err := store.Update(cfg)
		return err
	}
	_, err := store.Create(cfg)
	return err
}

func (i *istiod) remove(cfg config.Meta) error {
	return i.fake.Store().Delete(cfg.GroupVersionKind, cfg.Name, cfg.Namespace, nil)
}
