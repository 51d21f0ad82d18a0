package cluster

import (
	"slices"
	"testing"

	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/manifests"
)

const shop = `
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Service
metadata: {name: a, namespace: shop}
spec: {selector: {app: a}, ports: [{name: http, port: 80, targetPort: web}, {name: admin, port: 81}]}
---
apiVersion: v1
kind: Service
metadata: {name: pods, namespace: shop}
spec: {clusterIP: None, selector: {app: a}, ports: [{name: http, port: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: a-v1, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a, version: v1}}
    spec: {containers: [{name: a, image: a, ports: [{name: web, containerPort: 8080}]}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: g, namespace: shop}
spec:
  selector: {istio: edge}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]
---
apiVersion: example.com/v1
kind: Unknown
metadata: {name: u, namespace: shop}
`

func build(t *testing.T, unhealthy func(*Pod) bool) *Cluster {
	t.Helper()
	objects, err := manifests.Load(contract.Manifests{YAML: shop}, "default")
	if err != nil {
		t.Fatal(err)
	}
	slot, err := TakeSlot()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(slot.Release)
	c, err := Build(objects, Options{Slot: slot, Unhealthy: unhealthy})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPodsAndTheirEndpoints(t *testing.T) {
	c := build(t, func(pod *Pod) bool { return pod.Name == "a-v1-1" })
	pods := c.Workload("shop", "a-v1")
	if len(pods) != 2 || !pods[0].Sidecar || !pods[0].Ready || pods[1].Ready {
		t.Fatalf("got %+v", pods)
	}
	if got := c.Ports(pods[0]); !slices.Equal(got, []int{8080}) {
		t.Errorf("the application listens on %v", got)
	}
	service := c.Resolve("a", "shop").Service
	if got := c.Endpoints(service, 80); !slices.Equal(got, []string{pods[0].IP + ":8080"}) {
		t.Errorf("port 80 is served at %v", got)
	}
}

func TestNames(t *testing.T) {
	c := build(t, func(*Pod) bool { return false })
	for host, found := range map[string]bool{
		"a": true, "A": true, "a.shop": true, "a.shop.svc": true, "a.shop.svc.cluster.local": true, "a.shop.svc.cluster.local.": true,
		"b": false, "a.default": false, "example.com": false,
	} {
		if got := c.Resolve(host, "shop"); (got.Service != nil) != found {
			t.Errorf("%s: got %+v", host, got)
		}
	}
	if got := c.Resolve("a-v1-0.pods.shop.svc.cluster.local", "other"); got.Pod == nil || got.Pod.Name != "a-v1-0" {
		t.Errorf("a pod's own name: got %+v", got)
	}
	for host, internal := range map[string]bool{"b": true, "b.shop": true, "b.nosuch.svc": true, "b.com": false, "1.2.3.4": false} {
		if c.Internal(host) != internal {
			t.Errorf("%s: internal is %v", host, !internal)
		}
	}
}

func TestGatewaysThatNobodyBrings(t *testing.T) {
	c := build(t, func(*Pod) bool { return false })
	pods := c.Gateways(map[string]string{"istio": "edge"})
	if len(pods) != 1 || pods[0].ID() != IstioNamespace+"/istio-edge-0" {
		t.Fatalf("got %+v", pods)
	}
	services := c.ServicesOf(pods[0])
	if len(services) != 1 || services[0].TargetPort(services[0].Object.Spec.Ports[0], pods[0]) != 8080 {
		t.Errorf("got %+v", services)
	}
}

func TestUnknownKindsAreReported(t *testing.T) {
	c := build(t, func(*Pod) bool { return false })
	if got := c.Warnings(); len(got) != 1 {
		t.Errorf("got %q", got)
	}
}
