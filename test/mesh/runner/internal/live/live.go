// Package live is a mesh that changes while requests are under way. Other than package mesh, which gives Envoy one
// finished state after another, it lets istiod itself feed a proxy, by delta ADS with its usual delays, and changes pods
// and objects as a cluster would: what it shows are the moments in between.
package live

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"istio.io/istio/pkg/config"

	"google.golang.org/grpc"

	"cdk8s-lanes/mesh-runner/internal/certificates"
	cluster "cdk8s-lanes/mesh-runner/internal/cluster"
	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/envoy"
	"cdk8s-lanes/mesh-runner/internal/judge"
	"cdk8s-lanes/mesh-runner/internal/manifests"
	"cdk8s-lanes/mesh-runner/internal/pilot"
)

// Mesh is a live mesh.
type Mesh struct {
	namespace string
	slot      *cluster.Slot
	folder    string
	istiod    *istiod
	secrets   *grpc.Server
	envoy     *envoy.Program
	pods      []*pod
	address   string
	client    *http.Client
}

// proxyPort is where the proxy takes requests, whatever port they are for.
const proxyPort = 15101

// Start starts a live mesh; all pods run and are ready.
func Start(options contract.LiveMesh, binary string) (*Mesh, error) {
	m := &Mesh{namespace: options.Namespace, client: &http.Client{
		Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if m.namespace == "" {
		m.namespace = "default"
	}
	if err := m.start(options, binary); err != nil {
		m.Stop()
		return nil, err
	}
	return m, nil
}

func (m *Mesh) start(options contract.LiveMesh, binary string) error {
	objects, err := manifests.Load(options.Manifests, m.namespace)
	if err != nil {
		return err
	}
	validation, err := judge.Validate(objects, "")
	if err != nil {
		return err
	}
	if err = judge.Rejection(validation); err != nil {
		return err
	}
	if m.slot, err = cluster.TakeSlot(); err != nil {
		return err
	}
	c, err := m.build(objects)
	if err != nil {
		return err
	}
	proxy, port, err := m.sender(c, options)
	if err != nil {
		return err
	}
	mc, err := pilot.MeshConfig(options.MeshConfig, options.MTLS)
	if err != nil {
		return err
	}
	if m.folder, err = os.MkdirTemp("", fmt.Sprintf("mesh-%d-", os.Getpid())); err != nil {
		return err
	}
	sockets := map[string]string{}
	for _, name := range []string{"istiod", "secrets", "admin"} {
		sockets[name] = filepath.Join(m.folder, name)
	}
	ca, err := certificates.NewAuthority(cluster.Domain)
	if err != nil {
		return err
	}
	if err = m.startPods(c, ca, options.MTLS); err != nil {
		return err
	}
	own, err := ca.Identity(proxy.Namespace, proxy.ServiceAccount)
	if err != nil {
		return err
	}
	if m.secrets, err = serveSecrets(sockets["secrets"], ca, own); err != nil {
		return err
	}
	if m.istiod, err = startIstiod(c, mc, sockets["istiod"]); err != nil {
		return err
	}
	all, err := m.istiod.listeners(proxy)
	if err != nil {
		return err
	}
	original, err := listenerFor(all, proxy, port)
	if err != nil {
		return err
	}
	host := m.slot.ListenerIP("live")
	l, err := adapt(original, host, proxyPort)
	if err != nil {
		return err
	}
	m.address = fmt.Sprintf("%s:%d", host, proxyPort)
	if m.envoy, err = envoy.Launch(binary, m.folder, bootstrap(proxy, l, sockets), func(string) {}); err != nil {
		return err
	}
	return m.ready()
}

// build is the cluster that the objects make.
func (m *Mesh) build(objects []manifests.Object) (*cluster.Cluster, error) {
	return cluster.Build(objects, cluster.Options{Slot: m.slot, Unhealthy: func(*cluster.Pod) bool { return false }})
}

// sender is the proxy that requests go through, and the port at which it takes them.
func (m *Mesh) sender(c *cluster.Cluster, options contract.LiveMesh) (pilot.Proxy, int, error) {
	from := options.From
	if from.Gateway != nil {
		pods := c.Gateways(from.Gateway)
		if len(pods) == 0 {
			return pilot.Proxy{}, 0, contract.Inputf("no gateway pod has the labels %v", from.Gateway)
		}
		port := options.Port
		for _, service := range c.ServicesOf(pods[0]) {
			for _, sp := range service.Object.Spec.Ports {
				if int(sp.Port) == options.Port {
					port = service.TargetPort(sp, pods[0])
				}
			}
		}
		return pilot.ForPod(pods[0]), port, nil
	}
	if from.Workload != "" || from.Sidecar != nil && !*from.Sidecar {
		return pilot.Proxy{}, 0, contract.Inputf("requests of a live mesh come from a gateway, or a client with a sidecar")
	}
	namespace := from.Namespace
	if namespace == "" {
		namespace = m.namespace
	}
	return pilot.Proxy{
		Namespace: namespace, Name: "client", Labels: from.Labels, ServiceAccount: from.ServiceAccount, IP: m.slot.PodIP("live client"),
	}, options.Port, nil
}

func (m *Mesh) startPods(c *cluster.Cluster, ca *certificates.Authority, mtls bool) error {
	for _, each := range c.Pods {
		if each.Router {
			continue
		}
		p := &pod{Pod: each, ports: c.Ports(each), present: true, ready: true}
		for _, service := range c.ServicesOf(each) {
			p.services = append(p.services, service.Name)
		}
		if mtls {
			own, err := ca.Identity(each.Namespace, each.Object.Spec.ServiceAccountName)
			if err != nil {
				return err
			}
			if p.tls, err = ca.Server(own); err != nil {
				return err
			}
		}
		m.pods = append(m.pods, p)
		if err := p.run(); err != nil {
			return err
		}
	}
	return nil
}

const startTimeout = 60 * time.Second

// ready waits until the proxy has all that istiod sent first: its listener asks for routes only then.
func (m *Mesh) ready() error {
	for end := time.Now().Add(startTimeout); ; time.Sleep(20 * time.Millisecond) {
		if m.envoy.Ready() {
			return nil
		}
		if err := m.envoy.Gone(); err != nil {
			return err
		}
		if time.Now().After(end) {
			return contract.Refusedf("the proxy did not get ready; the last it said:\n%s", m.envoy.Said())
		}
	}
}

// Change makes one change.
func (m *Mesh) Change(ctx context.Context, step contract.LiveStep) error {
	select {
	case <-time.After(time.Duration(step.WaitMs) * time.Millisecond):
	case <-ctx.Done():
		return ctx.Err()
	}
	var names []string
	for name := range step.Pods {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := m.changePods(name, step.Pods[name]); err != nil {
			return err
		}
	}
	for _, raw := range step.Apply {
		cfg, err := m.config(raw)
		if err != nil {
			return err
		}
		if err := m.istiod.put(*cfg); err != nil {
			return err
		}
	}
	for _, name := range step.Delete {
		if err := m.delete(name); err != nil {
			return err
		}
	}
	return nil
}

func (m *Mesh) changePods(name string, to contract.LivePod) error {
	found := false
	for _, p := range m.pods {
		if slices.Contains(p.Names(), name) {
			found = true
			if err := p.change(to, m.istiod.client()); err != nil {
				return err
			}
		}
	}
	if !found {
		return contract.Inputf("there is no pod or workload '%s'", name)
	}
	return nil
}

// config reads one of Istio's objects.
func (m *Mesh) config(raw []byte) (*config.Config, error) {
	objects, err := manifests.Load(contract.Manifests{YAML: string(raw)}, m.namespace)
	if err != nil {
		return nil, err
	}
	c, err := m.build(objects)
	if err != nil {
		return nil, err
	}
	if len(c.Configs) != 1 {
		return nil, contract.Inputf("'apply' takes Istio's objects, one by one, got %s", raw)
	}
	return &c.Configs[0], nil
}

func (m *Mesh) delete(name string) error {
	kind, rest, _ := strings.Cut(name, " ")
	namespace, object, ok := strings.Cut(rest, "/")
	if !ok {
		return contract.Inputf("'delete' takes 'Kind namespace/name', got '%s'", name)
	}
	for _, schema := range m.istiod.fake.Store().Schemas().All() {
		if schema.Kind() != kind {
			continue
		}
		meta := config.Meta{GroupVersionKind: schema.GroupVersionKind(), Name: object, Namespace: namespace}
		if m.istiod.fake.Store().Get(meta.GroupVersionKind, object, namespace) != nil {
			return m.istiod.remove(meta)
		}
	}
	return contract.Inputf("there is no object '%s'", name)
}

// Stop ends everything.
func (m *Mesh) Stop() {
	if m.envoy != nil {
		m.envoy.Stop()
	}
	if m.istiod != nil {
		m.istiod.close()
	}
	if m.secrets != nil {
		m.secrets.Stop()
	}
	for _, p := range m.pods {
		p.kill()
	}
	if m.folder != "" {
		os.RemoveAll(m.folder)
	}
	if m.slot != nil {
		m.slot.Release()
	}
}
