package mesh

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/pilot"
	"cdk8s-lanes/mesh-runner/internal/plan"
)

// normalise fills in the defaults of calls and refuses impossible ones.
func normalise(calls []contract.Call) ([]contract.Call, error) {
	result := make([]contract.Call, len(calls))
	for i, call := range calls {
		if call.Host == "" {
			return nil, errors.New("'host' is missing")
		}
		if call.Port == 0 {
			call.Port = 80
		}
		if call.Port < 1 || call.Port > 65535 {
			return nil, fmt.Errorf("'port' must be 1 to 65535, got %d", call.Port)
		}
		if call.Method == "" {
			call.Method = http.MethodGet
		}
		if call.Path == "" {
			call.Path = "/"
		}
		if !strings.HasPrefix(call.Path, "/") {
			return nil, fmt.Errorf("'path' must start with '/', got '%s'", call.Path)
		}
		if call.ClientCertificate != "" && !call.TLS {
			return nil, errors.New("'clientCertificate' is shown to whoever speaks TLS: set 'tls' too")
		}
		for name, values := range call.Headers {
			if len(values) == 0 {
				return nil, fmt.Errorf("header '%s' has no value", name)
			}
		}
		if call.Next != nil {
			next, err := normalise(*call.Next)
			if err != nil {
				return nil, fmt.Errorf("next: %w", err)
			}
			call.Next = &next
		}
		result[i] = call
	}
	return result, nil
}

// check completes a request and finds where it comes from.
func (m *Mesh) check(r *contract.Request) (plan.Source, error) {
	calls, err := normalise([]contract.Call{r.Call})
	if err != nil {
		return plan.Source{}, err
	}
	r.Call = calls[0]
	for name, value := range map[string]int{
		"repeat": r.Repeat, "concurrency": r.Concurrency, "sleepMs": r.SleepMs, "intervalMs": r.IntervalMs,
		"timeoutMs": r.TimeoutMs, "rawResponses": r.RawResponses,
	} {
		if value < 0 {
			return plan.Source{}, fmt.Errorf("'%s' must not be negative, got %d", name, value)
		}
	}
	for name, behaviour := range r.Backends {
		if behaviour.Unhealthy || behaviour.KeepAliveMs != 0 {
			return plan.Source{}, fmt.Errorf("backends '%s': 'unhealthy' and 'keepAliveMs' hold for the whole mesh: "+
				"set them when it starts, or with the operation \"backends\"", name)
		}
	}
	return m.source(r.From)
}

// source finds the sender.
func (m *Mesh) source(s contract.Sender) (plan.Source, error) {
	namespace := s.Namespace
	if namespace == "" {
		namespace = m.options.Namespace
	}
	switch {
	case s.Gateway != nil:
		return m.gateway(s)
	case s.ClientIP != "":
		return plan.Source{}, errors.New("'clientIp' is only for senders with 'gateway'")
	case s.Workload != "" && (s.Labels != nil || s.ServiceAccount != "" || s.Sidecar != nil):
		return plan.Source{}, errors.New("'workload' is a Deployment of the manifests: it has its own labels, service account and sidecar")
	case s.Workload != "":
		pods := m.cluster.Load().Workload(namespace, s.Workload)
		if len(pods) == 0 {
			return plan.Source{}, fmt.Errorf("there is no pod of a workload '%s' in namespace '%s'", s.Workload, namespace)
		}
		return plan.SourceOf(pods[0]), nil
	}
	plain := s.Sidecar != nil && !*s.Sidecar
	proxy := pilot.Proxy{
		Namespace: namespace, Name: "client", Labels: s.Labels, ServiceAccount: s.ServiceAccount,
	}
	// Clients that differ in anything are pods of their own.
	identity := fmt.Sprintf("client %s %s %s %v", namespace, labels.FormatLabels(s.Labels), s.ServiceAccount, plain)
	proxy.IP = m.slot.PodIP(identity)
	proxy.Name += "-" + strings.ReplaceAll(proxy.IP, ".", "-")
	return plan.Source{Proxy: proxy, Plain: plain}, nil
}

func (m *Mesh) gateway(s contract.Sender) (plan.Source, error) {
	if s.Namespace != "" || s.Workload != "" || s.Labels != nil || s.ServiceAccount != "" || s.Sidecar != nil {
		return plan.Source{}, errors.New("'gateway' stands alone (with 'clientIp' at most): the client is outside the mesh")
	}
	// Not 127.0.0.1, for which Envoy would put this machine's real address into x-forwarded-for.
	client := net.ParseIP(m.slot.PodIP("client outside the mesh"))
	if s.ClientIP != "" {
		if client = net.ParseIP(s.ClientIP); client == nil || !client.IsLoopback() || client.To4() == nil {
			return plan.Source{}, fmt.Errorf("'clientIp' must be an IPv4 loopback address (127.x.y.z), got '%s'", s.ClientIP)
		}
	}
	pods := m.cluster.Load().Gateways(s.Gateway)
	if len(pods) == 0 {
		return plan.Source{}, fmt.Errorf("no gateway pod has the labels %s, and no Gateway selects such a pod", labels.FormatLabels(s.Gateway))
	}
	return plan.Source{Proxy: pilot.ForPod(pods[0]), ClientIP: client.String()}, nil
}
