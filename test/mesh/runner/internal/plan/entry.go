package plan

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"

	"cdk8s-lanes/mesh-runner/internal/pilot"
)

// Entry is where a call meets the sender's own proxy, or the gateway.
type Entry struct {
	Config *pilot.Config
	// Listener takes the call; nil if none does.
	Listener *listener.Listener
	// Chain is set at gateways whose servers are told apart by name: the one for this host.
	Chain *listener.FilterChain
	// Asked is the address that the sender connects to; empty at gateways.
	Asked string
	// Destinations are the loopback addresses that stand for it.
	Destinations []string
	// Namespace is the proxy's.
	Namespace string
}

// Enter finds the listener that a call meets; not for senders without a proxy.
func (p *Plan) Enter(from Source, host string, port int) (*Entry, error) {
	if from.Proxy.Router {
		return p.gatewayEntry(from, host, port)
	}
	return p.sidecarEntry(from, host, port)
}

// gatewayEntry is the gateway's listener: the Service in front of the gateway translates the port.
func (p *Plan) gatewayEntry(from Source, host string, port int) (*Entry, error) {
	cfg, err := p.pilot.Config(from.Proxy)
	if err != nil {
		return nil, err
	}
	target := port
	if pod := p.cluster.Pod(from.Proxy.IP); pod != nil {
		services := p.cluster.ServicesOf(pod)
		if len(services) > 0 {
			target = 0 // what no Service of theirs has, nobody outside can call
		}
		for _, service := range services {
			for _, sp := range service.Object.Spec.Ports {
				if int(sp.Port) == port {
					target = service.TargetPort(sp, pod)
				}
			}
		}
	}
	entry := &Entry{Config: cfg, Namespace: from.Proxy.Namespace}
	for _, l := range cfg.Listeners {
		if int(l.GetAddress().GetSocketAddress().GetPortValue()) == target {
			entry.Listener, entry.Chain = l, chainFor(l, host)
			break
		}
	}
	return entry, nil
}

// chainFor is the filter chain that a client's server name chooses, nil if there is nothing to choose.
func chainFor(l *listener.Listener, host string) *listener.FilterChain {
	var chosen *listener.FilterChain
	best := -1
	for _, chain := range l.FilterChains {
		if chain.TransportSocket == nil && len(chain.GetFilterChainMatch().GetServerNames()) == 0 {
			continue
		}
		if rank := serverNameRank(chain.GetFilterChainMatch().GetServerNames(), host); rank > best {
			chosen, best = chain, rank
		}
	}
	return chosen
}

// serverNameRank says how well server names fit a host: -1 not at all, then none given, wildcard, exact.
func serverNameRank(names []string, host string) int {
	if len(names) == 0 {
		return 0
	}
	rank := -1
	for _, name := range names {
		if suffix, wildcard := strings.CutPrefix(name, "*"); wildcard && strings.HasSuffix(host, suffix) {
			rank = max(rank, len(suffix))
		} else if name == host {
			return 1 << 16
		}
	}
	return rank
}

// sidecarEntry is the listener that iptables and the sender's proxy choose.
func (p *Plan) sidecarEntry(from Source, host string, port int) (*Entry, error) {
	cfg, err := p.pilot.Config(from.Proxy)
	if err != nil {
		return nil, err
	}
	entry := &Entry{Config: cfg, Namespace: from.Proxy.Namespace}
	entry.Asked, entry.Destinations = p.destination(host, from.Proxy.Namespace, port)
	for _, name := range []string{fmt.Sprintf("%s_%d", entry.Asked, port), fmt.Sprintf("0.0.0.0_%d", port), virtualOutbound} {
		for _, l := range cfg.Listeners {
			if l.Name == name && entry.Listener == nil {
				entry.Listener = l
			}
		}
	}
	return entry, nil
}

// Plainly are the addresses that a sender without a proxy gets to.
func (p *Plan) Plainly(from Source, host string, port int) []string {
	if target := p.cluster.Resolve(host, from.Proxy.Namespace); target.Pod != nil {
		return []string{net.JoinHostPort(target.Pod.IP, strconv.Itoa(port))}
	}
	return p.resolveAll(host, from.Proxy.Namespace, port)
}

// Resolved are the loopback addresses that stand for an address or name that a cluster has as its member.
func (p *Plan) Resolved(host, namespace string, port int) []string {
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return []string{net.JoinHostPort(host, strconv.Itoa(port))}
	}
	return p.resolveAll(host, namespace, port)
}

// Served are the addresses behind others: a Service stands for its endpoints.
func (p *Plan) Served(addresses []string) []string {
	var served []string
	for _, address := range addresses {
		if app := p.Apps[address]; app != nil && app.Forward != nil {
			served = append(served, app.Forward...)
		} else {
			served = append(served, address)
		}
	}
	return served
}
