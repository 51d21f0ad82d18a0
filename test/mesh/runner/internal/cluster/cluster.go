// Package cluster is the Kubernetes that the manifests are applied to: it makes pods of Deployments, gives addresses to
// pods and Services, writes EndpointSlices, and resolves names.
package cluster

import (
	"encoding/json"
	"fmt"
	"sort"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/config/schema/resource"
	"istio.io/istio/pkg/kube"

	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/manifests"
)

// Domain is the cluster's DNS domain.
const Domain = "cluster.local"

// IstioNamespace is where istiod and the gateways live that the manifests do not bring.
const IstioNamespace = "istio-system"

// Cluster is everything that was applied, and what Kubernetes made of it.
type Cluster struct {
	Pods     []*Pod
	Services []*Service
	// Objects are typed Kubernetes objects; Configs are Istio's.
	Objects []runtime.Object
	Configs []config.Config
	// Ignored are objects that neither Kubernetes' nor Istio's part of this program knows.
	Ignored []string

	namespaces map[string]*corev1.Namespace
	byName     map[string]*Service
}

// Options for Build.
type Options struct {
	Slot *Slot
	// Unhealthy tells which pods are not ready.
	Unhealthy func(*Pod) bool
}

// created is the age of all objects: where age decides precedence, equal ages leave it to the names, as after one
// "kubectl apply". (The in-memory store would otherwise stamp each object with the time it arrives.)
var created = metav1.NewTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))

// Build applies the manifests.
func Build(objects []manifests.Object, opt Options) (*Cluster, error) {
	c := &Cluster{namespaces: map[string]*corev1.Namespace{}, byName: map[string]*Service{}}
	seen := map[string]manifests.Object{}
	var workloads, pods []runtime.Object
	for _, object := range objects {
		id := object.GroupVersionKind().GroupKind().String() + " " + object.GetNamespace() + "/" + object.GetName()
		if first, ok := seen[id]; ok {
			return nil, contract.Inputf("%s occurs twice: in %s and in %s", object, first.Origin(), object.Origin())
		}
		seen[id] = object

		if cfg, err := istioConfig(object); err != nil {
			return nil, contract.Inputf("%s (%s): %v", object, object.Origin(), err)
		} else if cfg != nil {
			c.Configs = append(c.Configs, *cfg)
			continue
		}
		typed, err := decode(object)
		if err != nil {
			return nil, contract.Inputf("%s (%s): %v", object, object.Origin(), err)
		}
		switch o := typed.(type) {
		case nil:
			c.Ignored = append(c.Ignored, object.String())
		case *corev1.Namespace:
			c.namespaces[o.Name] = o
		case *corev1.Service:
			c.addService(o, opt.Slot)
		case *corev1.Pod:
			pods = append(pods, o)
		default:
			if template(o) != nil {
				workloads = append(workloads, o)
			}
			c.Objects = append(c.Objects, o)
		}
	}
	c.addNamespaces(objects)
	for _, workload := range workloads {
		c.addPods(workload, opt)
	}
	for _, pod := range pods {
		c.addPod(pod.(*corev1.Pod), pod.(*corev1.Pod).Name, "Pod", opt)
	}
	if err := c.addGateways(opt); err != nil {
		return nil, err
	}
	c.finish()
	return c, nil
}

// Readable leaves out the objects that cannot be decoded.
func Readable(objects []manifests.Object) []manifests.Object {
	var readable []manifests.Object
	for _, object := range objects {
		if _, err := istioConfig(object); err != nil {
			continue
		}
		if _, err := decode(object); err != nil {
			continue
		}
		readable = append(readable, object)
	}
	return readable
}

// istioConfig is the object as istiod's own, nil if it is none of Istio's.
func istioConfig(object manifests.Object) (*config.Config, error) {
	kind := object.GroupVersionKind()
	schema, ok := collections.Pilot.FindByGroupVersionAliasesKind(resource.FromKubernetesGVK(&kind))
	if !ok {
		return nil, nil
	}
	var istio crd.IstioKind
	if err := json.Unmarshal(object.JSON(), &istio); err != nil {
		return nil, err
	}
	// Without the domain a VirtualService for host "x" would belong to "x.<namespace>", match no service and be
	// ignored in silence.
	cfg, err := crd.ConvertObject(schema, &istio, Domain)
	if err != nil {
		return nil, err
	}
	if cfg.CreationTimestamp.IsZero() {
		cfg.CreationTimestamp = created.Time
	}
	return cfg, nil
}

// decode makes a typed object, nil for kinds that are unknown here.
func decode(object manifests.Object) (runtime.Object, error) {
	typed, _, err := kube.IstioCodec.UniversalDeserializer().Decode(object.JSON(), nil, nil)
	if runtime.IsNotRegisteredError(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if accessor, err := meta.Accessor(typed); err == nil {
		if stamp := accessor.GetCreationTimestamp(); stamp.IsZero() {
			accessor.SetCreationTimestamp(created)
		}
	}
	return typed, nil
}

// addNamespaces adds those that are used but not among the manifests: as plain as "kubectl create namespace" makes them.
func (c *Cluster) addNamespaces(objects []manifests.Object) {
	names := []string{IstioNamespace}
	for _, object := range objects {
		names = append(names, object.GetNamespace())
	}
	for _, name := range names {
		if name != "" && c.namespaces[name] == nil {
			c.namespaces[name] = &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: created}}
		}
	}
	for _, ns := range c.namespaces {
		if ns.Labels == nil {
			ns.Labels = map[string]string{}
		}
		ns.Labels["kubernetes.io/metadata.name"] = ns.Name
	}
}

// finish collects all objects for istiod, in an order that does not change from run to run.
func (c *Cluster) finish() {
	var names []string
	for name := range c.namespaces {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		c.Objects = append(c.Objects, c.namespaces[name])
	}
	for _, pod := range c.Pods {
		c.Objects = append(c.Objects, pod.Object)
	}
	// Slices that the manifests bring count for Services without a selector.
	for _, object := range c.Objects {
		if slice, ok := object.(*discoveryv1.EndpointSlice); ok {
			if service := c.byName[slice.Namespace+"/"+slice.Labels[discoveryv1.LabelServiceName]]; service != nil {
				service.adopt(slice)
			}
		}
	}
	for _, service := range c.Services {
		c.Objects = append(c.Objects, service.Object)
		for _, slice := range c.slices(service) {
			c.Objects = append(c.Objects, slice)
		}
	}
}

// Warnings tells what of the manifests has no effect here.
func (c *Cluster) Warnings() []string {
	var warnings []string
	for _, name := range c.Ignored {
		warnings = append(warnings, fmt.Sprintf("%s has no effect here: its kind is not modelled", name))
	}
	return warnings
}
