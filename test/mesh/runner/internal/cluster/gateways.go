package cluster

import (
	"fmt"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	networking "istio.io/api/networking/v1alpha3"
	"istio.io/istio/pkg/config/schema/gvk"
)

// addGateways adds a gateway pod and its Service, as Istio's chart does, for every selector of a Gateway that no gateway
// pod of the manifests matches.
func (c *Cluster) addGateways(opt Options) error {
	type wanted struct {
		selector map[string]string
		ports    map[int]string // and their protocols
	}
	bySelector := map[string]*wanted{}
	var order []string
	for _, cfg := range c.Configs {
		gateway, ok := cfg.Spec.(*networking.Gateway)
		if !ok || cfg.GroupVersionKind != gvk.Gateway {
			continue
		}
		selector := gateway.Selector
		if len(selector) == 0 {
			selector = map[string]string{"istio": "ingressgateway"}
		}
		key := labels.FormatLabels(selector)
		if bySelector[key] == nil {
			bySelector[key] = &wanted{selector: selector, ports: map[int]string{}}
			order = append(order, key)
		}
		for _, server := range gateway.Servers {
			bySelector[key].ports[int(server.GetPort().GetNumber())] = strings.ToLower(server.GetPort().GetProtocol())
		}
	}
	for _, key := range order {
		want := bySelector[key]
		if len(c.Gateways(want.selector)) > 0 {
			continue
		}
		name := gatewayName(want.selector)
		for n := 2; c.byName[IstioNamespace+"/"+name] != nil || len(c.Workload(IstioNamespace, name)) > 0; n++ {
			name = fmt.Sprintf("%s-%d", gatewayName(want.selector), n)
		}
		pod := c.addPod(&corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: IstioNamespace, Name: name + "-0", Labels: want.selector, CreationTimestamp: created,
				Annotations: map[string]string{templatesKey: "gateway"},
			},
			Spec: corev1.PodSpec{
				ServiceAccountName: name,
				Containers:         []corev1.Container{{Name: "istio-proxy", Image: "proxyv2"}},
			},
		}, name, "Deployment", opt)
		if len(c.ServicesOf(pod)) > 0 {
			continue
		}
		service := &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: IstioNamespace, Name: name, CreationTimestamp: created},
			Spec:       corev1.ServiceSpec{Selector: want.selector},
		}
		var ports []int
		for port := range want.ports {
			ports = append(ports, port)
		}
		sort.Ints(ports)
		for _, port := range ports {
			service.Spec.Ports = append(service.Spec.Ports, corev1.ServicePort{
				Name: fmt.Sprintf("%s-%d", want.ports[port], port), Port: int32(port), TargetPort: intstr.FromInt32(gatewayTarget(int32(port))),
			})
		}
		c.addService(service, opt.Slot)
	}
	return nil
}

// gatewayTarget is where a gateway pod listens for a port of its Service, as in Istio's chart.
func gatewayTarget(port int32) int32 {
	switch port {
	case 80:
		return 8080
	case 443:
		return 8443
	}
	return port
}

func gatewayName(selector map[string]string) string {
	for _, key := range []string{"istio", "app"} {
		if value := selector[key]; value != "" {
			if key == "istio" {
				return "istio-" + value
			}
			return value
		}
	}
	return "gateway"
}

// Gateways are the gateway pods with these labels.
func (c *Cluster) Gateways(selector map[string]string) []*Pod {
	var pods []*Pod
	for _, pod := range c.Pods {
		if pod.Router && labels.SelectorFromSet(selector).Matches(labels.Set(pod.Object.Labels)) {
			pods = append(pods, pod)
		}
	}
	return pods
}
