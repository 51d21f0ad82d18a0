package cluster

import (
	"fmt"
	"net"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Service is a Kubernetes Service.
type Service struct {
	Namespace string
	Name      string
	// IP is the cluster IP, empty for headless and ExternalName Services.
	IP string
	// ExternalName is the other host that an ExternalName Service stands for.
	ExternalName string
	Object       *corev1.Service

	adopted []*discoveryv1.EndpointSlice
}

// ID is "namespace/name".
func (s *Service) ID() string { return s.Namespace + "/" + s.Name }

// Selects tells whether the pod belongs to the Service.
func (s *Service) Selects(pod *Pod) bool {
	return pod.Namespace == s.Namespace && len(s.Object.Spec.Selector) > 0 &&
		labels.SelectorFromSet(s.Object.Spec.Selector).Matches(labels.Set(pod.Object.Labels))
}

// TargetPort is where a pod listens for a port of the Service, 0 if the port is named and the pod has no such name.
func (s *Service) TargetPort(port corev1.ServicePort, pod *Pod) int {
	if port.TargetPort.Type == intstr.Int {
		return int(port.TargetPort.IntVal)
	}
	for _, container := range pod.Object.Spec.Containers {
		for _, p := range container.Ports {
			if p.Name == port.TargetPort.StrVal {
				return int(p.ContainerPort)
			}
		}
	}
	return 0
}

func (c *Cluster) addService(object *corev1.Service, slot *Slot) *Service {
	service := &Service{Namespace: object.Namespace, Name: object.Name, Object: object}
	for i := range object.Spec.Ports {
		// What the API server fills in.
		port := &object.Spec.Ports[i]
		if port.Protocol == "" {
			port.Protocol = corev1.ProtocolTCP
		}
		if port.TargetPort == (intstr.IntOrString{}) {
			port.TargetPort = intstr.FromInt32(port.Port)
		}
	}
	switch {
	case object.Spec.Type == corev1.ServiceTypeExternalName:
		service.ExternalName = object.Spec.ExternalName
	case object.Spec.ClusterIP == corev1.ClusterIPNone:
	default:
		service.IP = slot.ServiceIP(service.ID())
		object.Spec.ClusterIP = service.IP
		object.Spec.ClusterIPs = []string{service.IP}
	}
	c.Services = append(c.Services, service)
	c.byName[service.ID()] = service
	return service
}

// adopt takes over endpoints that the manifests bring.
func (s *Service) adopt(slice *discoveryv1.EndpointSlice) {
	for i := range slice.Endpoints {
		// Spelled out: with this one unset, istiod takes an endpoint that is not ready for one that is terminating.
		if slice.Endpoints[i].Conditions.Terminating == nil {
			slice.Endpoints[i].Conditions.Terminating = new(false)
		}
	}
	s.adopted = append(s.adopted, slice)
}

// slices makes the EndpointSlices of a Service: one for all pods with the same target ports.
func (c *Cluster) slices(service *Service) []*discoveryv1.EndpointSlice {
	byPorts := map[string]*discoveryv1.EndpointSlice{}
	var all []*discoveryv1.EndpointSlice
	for _, pod := range c.Pods {
		if !service.Selects(pod) || service.ExternalName != "" {
			continue
		}
		var ports []discoveryv1.EndpointPort
		key := ""
		for _, port := range service.Object.Spec.Ports {
			target := int32(service.TargetPort(port, pod))
			if target == 0 {
				continue
			}
			ports = append(ports, discoveryv1.EndpointPort{
				Name: new(port.Name), Port: &target, Protocol: &port.Protocol, AppProtocol: port.AppProtocol,
			})
			key += fmt.Sprintf("%s=%d,", port.Name, target)
		}
		slice := byPorts[key]
		if slice == nil {
			slice = &discoveryv1.EndpointSlice{
				ObjectMeta: metav1.ObjectMeta{
					Namespace: service.Namespace, Name: fmt.Sprintf("%s-%d", service.Name, len(all)), CreationTimestamp: created,
					Labels: map[string]string{discoveryv1.LabelServiceName: service.Name},
				},
				AddressType: discoveryv1.AddressTypeIPv4, Ports: ports,
			}
			byPorts[key] = slice
			all = append(all, slice)
		}
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{pod.IP}, NodeName: new("node"),
			Conditions: discoveryv1.EndpointConditions{Ready: new(pod.Ready), Serving: new(pod.Ready), Terminating: new(false)},
			TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name},
		})
	}
	return all
}

// Endpoints are the addresses where a port of the Service is really served: what kube-proxy chooses from.
func (c *Cluster) Endpoints(service *Service, port int) []string {
	var addresses []string
	for _, p := range service.Object.Spec.Ports {
		if int(p.Port) != port {
			continue
		}
		for _, pod := range c.Pods {
			if pod.Ready && service.Selects(pod) {
				if target := service.TargetPort(p, pod); target != 0 {
					addresses = append(addresses, fmt.Sprintf("%s:%d", pod.IP, target))
				}
			}
		}
		for _, slice := range service.adopted {
			for _, endpointPort := range slice.Ports {
				if endpointPort.Port == nil || endpointPort.Name != nil && *endpointPort.Name != p.Name {
					continue
				}
				for _, endpoint := range slice.Endpoints {
					if ready := endpoint.Conditions.Ready; ready == nil || *ready {
						addresses = append(addresses, fmt.Sprintf("%s:%d", endpoint.Addresses[0], *endpointPort.Port))
					}
				}
			}
		}
	}
	return addresses
}

// Ports are where the application of a pod listens.
func (c *Cluster) Ports(pod *Pod) []int {
	if len(pod.Declared) > 0 || pod.Router {
		return pod.Declared
	}
	var ports []int
	for _, service := range c.Services {
		if !service.Selects(pod) {
			continue
		}
		for _, port := range service.Object.Spec.Ports {
			if target := service.TargetPort(port, pod); target != 0 && !slices.Contains(ports, target) {
				ports = append(ports, target)
			}
		}
	}
	return ports
}

// ServicesOf are the Services that select the pod.
func (c *Cluster) ServicesOf(pod *Pod) []*Service {
	var services []*Service
	for _, service := range c.Services {
		if service.Selects(pod) {
			services = append(services, service)
		}
	}
	return services
}

// Internal tells whether a name could only be one of the cluster's own: without a dot, below svc, or "name.namespace".
func (c *Cluster) Internal(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if net.ParseIP(host) != nil {
		return false
	}
	first, rest, dotted := strings.Cut(host, ".")
	return first != "" && !dotted || strings.HasSuffix(host, ".svc") || strings.HasSuffix(host, ".svc."+Domain) ||
		c.namespaces[rest] != nil
}

// Target is what a name or address stands for.
type Target struct {
	// At most one of the two; neither for hosts outside the cluster.
	Service *Service
	Pod     *Pod
}

// Resolve is the cluster's DNS for a pod in the namespace.
func (c *Cluster) Resolve(host, namespace string) Target {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if net.ParseIP(host) != nil {
		for _, service := range c.Services {
			if service.IP == host {
				return Target{Service: service}
			}
		}
		return Target{Pod: c.Pod(host)}
	}
	parts := strings.Split(strings.TrimSuffix(strings.TrimSuffix(host, ".svc."+Domain), ".svc"), ".")
	switch len(parts) {
	case 1:
		return Target{Service: c.byName[namespace+"/"+parts[0]]}
	case 2: // service.namespace, or a pod of a StatefulSet beside the client: pod.service
		if service := c.byName[parts[1]+"/"+parts[0]]; service != nil {
			return Target{Service: service}
		}
		return c.resolvePod(parts[0], c.byName[namespace+"/"+parts[1]])
	case 3: // pod.service.namespace
		return c.resolvePod(parts[0], c.byName[parts[2]+"/"+parts[1]])
	}
	return Target{}
}

// resolvePod is the pod of a StatefulSet that a Service gives a name.
func (c *Cluster) resolvePod(name string, service *Service) Target {
	if service == nil {
		return Target{}
	}
	for _, pod := range c.Pods {
		if pod.Name == name && service.Selects(pod) {
			return Target{Pod: pod}
		}
	}
	return Target{}
}
