package cluster

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Pod is a pod that runs.
type Pod struct {
	Namespace string
	Name      string
	// Workload is the Deployment (StatefulSet, ...) that the pod belongs to.
	Workload string
	IP       string
	// Sidecar tells that the pod has Istio's sidecar; Router that it is a gateway.
	Sidecar bool
	Router  bool
	Ready   bool
	// Declared are the container ports; an application listens on them, or, if there are none, on the target ports
	// of its Services.
	Declared []int
	Object   *corev1.Pod
}

// ID is "namespace/name".
func (p *Pod) ID() string { return p.Namespace + "/" + p.Name }

// Names are what a pod can be called in options: itself, its workload, each with or without the namespace.
func (p *Pod) Names() []string {
	return []string{p.ID(), p.Name, p.Namespace + "/" + p.Workload, p.Workload}
}

// template is the pod template of a workload and how many pods it makes, nil for other objects.
func template(object runtime.Object) *podTemplate {
	count := func(replicas *int32) int {
		if replicas == nil {
			return 1
		}
		return int(*replicas)
	}
	switch o := object.(type) {
	case *appsv1.Deployment:
		return &podTemplate{&o.ObjectMeta, "Deployment", &o.Spec.Template, count(o.Spec.Replicas)}
	case *appsv1.StatefulSet:
		return &podTemplate{&o.ObjectMeta, "StatefulSet", &o.Spec.Template, count(o.Spec.Replicas)}
	case *appsv1.ReplicaSet:
		return &podTemplate{&o.ObjectMeta, "ReplicaSet", &o.Spec.Template, count(o.Spec.Replicas)}
	case *appsv1.DaemonSet:
		return &podTemplate{&o.ObjectMeta, "DaemonSet", &o.Spec.Template, 1}
	case *batchv1.Job, *batchv1.CronJob:
		return nil
	}
	return nil
}

type podTemplate struct {
	meta     *metav1.ObjectMeta
	kind     string
	spec     *corev1.PodTemplateSpec
	replicas int
}

// addPods makes the pods of a workload.
func (c *Cluster) addPods(workload runtime.Object, opt Options) {
	t := template(workload)
	for i := range t.replicas {
		pod := &corev1.Pod{ObjectMeta: *t.spec.ObjectMeta.DeepCopy(), Spec: *t.spec.Spec.DeepCopy()}
		pod.Name = fmt.Sprintf("%s-%d", t.meta.Name, i)
		pod.Namespace = t.meta.Namespace
		pod.CreationTimestamp = created
		owner := metav1.OwnerReference{APIVersion: "apps/v1", Kind: t.kind, Name: t.meta.Name, Controller: new(true)}
		if t.kind == "Deployment" {
			// istiod finds the Deployment by taking the template's hash off the ReplicaSet's name.
			hash := templateHash(t.meta.Name)
			if pod.Labels == nil {
				pod.Labels = map[string]string{}
			}
			pod.Labels["pod-template-hash"] = hash
			owner.Kind, owner.Name = "ReplicaSet", t.meta.Name+"-"+hash
			pod.GenerateName = owner.Name + "-" // without it, it takes the pod's own name for the workload's
		}
		pod.OwnerReferences = []metav1.OwnerReference{owner}
		c.addPod(pod, t.meta.Name, t.kind, opt)
	}
}

func templateHash(name string) string {
	h := fnv.New32a()
	h.Write([]byte(name))
	return fmt.Sprintf("%08x", h.Sum32())
}

// addPod completes a pod with what the scheduler, the injector and the kubelet would add.
func (c *Cluster) addPod(object *corev1.Pod, workload, kind string, opt Options) *Pod {
	pod := &Pod{Namespace: object.Namespace, Name: object.Name, Workload: workload, Object: object}
	pod.IP = opt.Slot.PodIP(pod.ID())
	pod.Router = strings.Contains(object.Annotations[templatesKey], "gateway")
	labels := map[string]string{}
	if ns := c.namespaces[object.Namespace]; ns != nil {
		labels = ns.Labels
	}
	pod.Sidecar = !pod.Router && injected(object, labels)
	for _, container := range object.Spec.Containers {
		for i := range container.Ports {
			port := &container.Ports[i]
			if port.Protocol == "" {
				port.Protocol = corev1.ProtocolTCP // as the API server does
			}
			if port.Protocol != corev1.ProtocolUDP && !slices.Contains(pod.Declared, int(port.ContainerPort)) {
				pod.Declared = append(pod.Declared, int(port.ContainerPort))
			}
		}
	}
	if object.Spec.ServiceAccountName == "" {
		object.Spec.ServiceAccountName = "default"
	}
	if pod.Sidecar || pod.Router {
		c.inject(pod, workload)
	}
	pod.Ready = !opt.Unhealthy(pod)
	ready := corev1.ConditionTrue
	if !pod.Ready {
		ready = corev1.ConditionFalse
	}
	object.Spec.NodeName = "node"
	object.Status = corev1.PodStatus{
		Phase: corev1.PodRunning, PodIP: pod.IP, PodIPs: []corev1.PodIP{{IP: pod.IP}},
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready, LastTransitionTime: created}},
	}
	c.Pods = append(c.Pods, pod)
	return pod
}

// inject adds what istiod and the analyzers look for in a pod with a sidecar.
func (c *Cluster) inject(pod *Pod, workload string) {
	object := pod.Object
	if object.Labels == nil {
		object.Labels = map[string]string{}
	}
	set := func(key string, values ...string) {
		for _, value := range values {
			if object.Labels[key] == "" {
				object.Labels[key] = value
			}
		}
	}
	set("security.istio.io/tlsMode", "istio")
	set("service.istio.io/canonical-name", object.Labels["app.kubernetes.io/name"], object.Labels["app"], workload)
	set("service.istio.io/canonical-revision", object.Labels["app.kubernetes.io/version"], object.Labels["version"], "latest")
	if pod.Sidecar {
		object.Spec.Containers = append(object.Spec.Containers, corev1.Container{Name: "istio-proxy", Image: "proxyv2"})
	}
}

// Workload finds a workload's pods.
func (c *Cluster) Workload(namespace, name string) []*Pod {
	var pods []*Pod
	for _, pod := range c.Pods {
		if pod.Namespace == namespace && pod.Workload == name {
			pods = append(pods, pod)
		}
	}
	return pods
}

// Pod finds a pod by its address.
func (c *Cluster) Pod(ip string) *Pod {
	for _, pod := range c.Pods {
		if pod.IP == ip {
			return pod
		}
	}
	return nil
}
