package plan

import (
	"fmt"
	"net"
	"strconv"

	"cdk8s-lanes/mesh-runner/internal/contract"
)

// Way is how a call leaves its sender.
type Way struct {
	// Addresses to connect to; one is chosen per connection. None: the connection is refused.
	Addresses []string
	// Destinations are where the sender may mean to connect to, which it tells its proxy; empty if it has none.
	Destinations []string
	// Local is the sender's own address.
	Local string
	// Logged tells that the sender's proxy logs HTTP requests on this way.
	Logged bool
	// EndsTLS tells that the gateway ends the client's TLS, and so can log its requests.
	EndsTLS bool

	reach *reach
}

// Way tells how a call leaves its sender, nil if nobody wanted that.
func (p *Plan) Way(from Source, host string, port int, tls bool) *Way {
	return p.ways[wayKey(from, host, port, tls)]
}

func wayKey(from Source, host string, port int, tls bool) string {
	return fmt.Sprintf("%s %s:%d %v", from.Key(), host, port, tls)
}

// build finds how a call leaves its sender, and builds what it needs.
func (p *Plan) build(from Source, call contract.Call) (*Way, error) {
	switch {
	case from.Proxy.Router && !from.Plain:
		return p.gatewayWay(from, call.Host, call.Port, call.TLS)
	case from.Plain:
		return p.plainWay(from, call.Host, call.Port)
	}
	return p.sidecarWay(from, call.Host, call.Port)
}

// gatewayWay enters the mesh.
func (p *Plan) gatewayWay(from Source, host string, port int, tls bool) (*Way, error) {
	way := &Way{Local: from.ClientIP, reach: newReach()}
	entry, err := p.gatewayEntry(from, host, port)
	if err != nil || entry.Listener == nil {
		return way, err
	}
	build := p.gatewayListener
	if tls {
		build = p.encryptedListener
	}
	known, err := build(entry.Config, from.Proxy, entry.Listener, entry.Chain)
	if err != nil {
		return nil, err
	}
	way.Addresses, way.Logged, way.reach = []string{known.Address}, known.HTTP, known.reach
	way.EndsTLS = known.EndsTLS
	return way, nil
}

// plainWay is what Kubernetes alone does: a Service's ready endpoints in turn.
func (p *Plan) plainWay(from Source, host string, port int) (*Way, error) {
	way := &Way{Local: from.Proxy.IP, reach: newReach()}
	way.Addresses = p.Plainly(from, host, port)
	for _, address := range way.Addresses {
		if err := p.reachAddress(address, way.reach); err != nil {
			return nil, err
		}
	}
	return way, nil
}

// sidecarWay goes through the sender's own proxy.
func (p *Plan) sidecarWay(from Source, host string, port int) (*Way, error) {
	way := &Way{Local: from.Proxy.IP, reach: newReach()}
	entry, err := p.sidecarEntry(from, host, port)
	if err != nil || entry.Listener == nil {
		return way, err
	}
	known, err := p.outboundListener(entry.Config, from.Proxy, entry.Listener)
	if err != nil {
		return nil, err
	}
	way.Addresses, way.Logged = []string{known.Address}, known.HTTP
	way.Destinations = entry.Destinations
	way.reach.add(known.reach)
	for _, address := range p.Served(entry.Destinations) {
		// Clusters of the type ORIGINAL_DST go where the sender meant to go.
		if err := p.reachAddress(address, way.reach); err != nil {
			return nil, err
		}
	}
	return way, nil
}

// destination is the address that a name stands for, for the choice of the listener, and the loopback addresses with
// ports that stand for it here.
func (p *Plan) destination(host, namespace string, port int) (asked string, loopback []string) {
	at := func(ip string) []string { return []string{net.JoinHostPort(ip, strconv.Itoa(port))} }
	target := p.cluster.Resolve(host, namespace)
	for range 4 { // ExternalName Services may follow each other
		if target.Service == nil || target.Service.ExternalName == "" {
			break
		}
		host = target.Service.ExternalName
		target = p.cluster.Resolve(host, namespace)
	}
	switch {
	case target.Pod != nil:
		return target.Pod.IP, at(target.Pod.IP)
	case target.Service != nil && target.Service.IP != "":
		loopback = at(target.Service.IP)
		// Proxies pass on what is not HTTP, or not the HTTP they know, to where the sender meant to go: to the Service
		// itself, where kube-proxy takes over.
		if forward := p.cluster.Endpoints(target.Service, port); len(forward) > 0 {
			p.addApp(&App{Address: loopback[0], Port: port, External: host, Forward: forward})
		}
		return target.Service.IP, loopback
	case target.Service != nil:
		// A headless Service's name stands for its pods.
		loopback = p.cluster.Endpoints(target.Service, port)
		if len(loopback) > 0 {
			asked, _, _ = net.SplitHostPort(loopback[0])
			return asked, loopback
		}
	}
	loopback = []string{p.standIn(host, port)}
	asked, _, _ = net.SplitHostPort(loopback[0])
	for _, address := range p.serviceEntry(host).GetAddresses() {
		if net.ParseIP(address) != nil {
			asked = address
		}
	}
	return asked, loopback
}
