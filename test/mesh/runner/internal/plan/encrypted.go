package plan

import (
	"fmt"

	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"google.golang.org/protobuf/proto"

	"cdk8s-lanes/mesh-runner/internal/pilot"
)

// encryptedListener adds a listener of a gateway for clients that speak TLS: all of istiod's filter chains, among which
// Envoy chooses by the server name itself. `chosen` is the one that it should choose for the client.
func (p *Plan) encryptedListener(cfg *pilot.Config, proxy pilot.Proxy, original *listener.Listener, chosen *listener.FilterChain) (*Listener, error) {
	// Clients differ in what becomes of their TLS, although the listener is one.
	ends := chosen.GetTransportSocket() != nil
	key := "gateway with TLS " + proxy.ID() + "|" + original.Name
	if known := p.listeners[key]; known != nil {
		view := *known
		view.EndsTLS = ends
		return &view, nil
	}
	l := proto.Clone(original).(*listener.Listener)
	known := p.newListener(key, proxy, original.Name, fmt.Sprintf("%s:%d", p.planner.slot.ListenerIP(key), original.GetAddress().GetSocketAddress().GetPortValue()))
	for _, chain := range l.FilterChains {
		if err := p.downstream(chain, proxy); err != nil {
			return nil, err
		}
		if err := p.outboundChain(cfg, proxy, original, chain, known); err != nil {
			return nil, err
		}
	}
	view := *known
	view.EndsTLS = ends
	return &view, p.addListener(l, known)
}
