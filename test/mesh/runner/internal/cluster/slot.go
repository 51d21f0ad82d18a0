package cluster

import (
	"fmt"
	"net"
)

// A Slot is one runner's share of the loopback network, so that several runners can work at once. All addresses of the
// mesh come from it; nothing outside 127.0.0.0/8 is ever contacted.
type Slot struct {
	lock   net.Listener
	number int
	next   [4]int
	known  map[string]string
}

// The kinds of addresses, each with second octets of its own.
const (
	forServices = 32  // 127.32.0.0/11: what Kubernetes would give as cluster IPs
	forPods     = 64  // 127.64.0.0/11: pods, where their proxies (or applications without one) listen
	forProxies  = 96  // 127.96.0.0/11: where proxies take the requests of their own pods
	forApps     = 128 // 127.128.0.0/11: where applications listen behind their proxies
	slots       = 32
)

// TakeSlot finds a slot that no other runner has. The lock is an abstract socket: it belongs to the same network
// namespace as the addresses, and vanishes with the process.
func TakeSlot() (*Slot, error) {
	for number := range slots {
		lock, err := net.Listen("unix", fmt.Sprintf("@cdk8s-lanes-mesh-%d", number))
		if err == nil {
			return &Slot{lock: lock, number: number, known: map[string]string{}}, nil
		}
	}
	return nil, fmt.Errorf("%d meshes are running already; stop some of them", slots)
}

// Release gives the slot back.
func (s *Slot) Release() { s.lock.Close() }

// address is stable: the same name gets the same address again.
func (s *Slot) address(kind int, name string) string {
	key := fmt.Sprintf("%d %s", kind, name)
	if ip, ok := s.known[key]; ok {
		return ip
	}
	counter := &s.next[kind/32-1]
	*counter++
	ip := fmt.Sprintf("127.%d.%d.%d", kind+s.number, *counter/250, *counter%250+1)
	s.known[key] = ip
	return ip
}

// PodIP is the address of a pod.
func (s *Slot) PodIP(pod string) string { return s.address(forPods, pod) }

// ServiceIP is the cluster IP of a Service.
func (s *Slot) ServiceIP(service string) string { return s.address(forServices, service) }

// ListenerIP is where a proxy takes its own pod's requests.
func (s *Slot) ListenerIP(listener string) string { return s.address(forProxies, listener) }

// AppIP is where an application listens behind its proxy.
func (s *Slot) AppIP(app string) string { return s.address(forApps, app) }
