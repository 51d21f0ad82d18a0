// Package decide tells where a request would go by reading what istiod sends to the sender's proxy, as Envoy reads it,
// without sending anything. It answers for the first hop, and for the policies of whom that hop leads to.
package decide

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tcp "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"

	"google.golang.org/protobuf/types/known/anypb"

	kube "cdk8s-lanes/mesh-runner/internal/cluster"
	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/pilot"
	"cdk8s-lanes/mesh-runner/internal/plan"
)

// Decider decides for one state of the mesh.
type Decider struct {
	plan     *plan.Plan
	cluster  *kube.Cluster
	pilot    *pilot.Server
	managers map[*listener.FilterChain]*hcm.HttpConnectionManager
}

// New makes a decider. The plan is only asked for addresses.
func New(p *plan.Plan, c *kube.Cluster, server *pilot.Server) *Decider {
	return &Decider{plan: p, cluster: c, pilot: server, managers: map[*listener.FilterChain]*hcm.HttpConnectionManager{}}
}

// Decide decides about one request.
func (d *Decider) Decide(from plan.Source, r contract.Request) (contract.Decision, error) {
	decision, err := d.decide(from, r)
	decision.ID = r.ID
	return decision, err
}

func (d *Decider) decide(from plan.Source, r contract.Request) (contract.Decision, error) {
	if r.Raw != "" || r.RawBase64 != "" {
		return contract.Decision{}, errors.New("raw requests have to be sent")
	}
	if from.Plain {
		addresses := d.plan.Plainly(from, r.Host, r.Port)
		if len(addresses) == 0 {
			return contract.Decision{Action: contract.ActionRefuse}, nil
		}
		m := received(r, false, true)
		members := plainly(addresses)
		workloads := d.shares(members)
		return contract.Decision{Action: contract.ActionPlain, Destinations: []contract.Destination{
			{Known: true, Probability: 1, Workloads: workloads},
		}}, d.judge(workloads, members, from, &m)
	}
	entry, err := d.plan.Enter(from, r.Host, r.Port)
	if err != nil || entry.Listener == nil {
		return contract.Decision{Action: contract.ActionRefuse}, err
	}
	decision := contract.Decision{Listener: entry.Listener.Name}
	chain := entry.Chain
	if chain == nil {
		chain = chainFor(entry, r)
	}
	if chain == nil {
		decision.Action = contract.ActionRefuse
		return decision, nil
	}
	for _, filter := range chain.Filters {
		typed := filter.GetTypedConfig()
		switch {
		case typed.MessageIs(&hcm.HttpConnectionManager{}):
			manager, err := d.manager(chain, typed)
			if err != nil {
				return decision, err
			}
			return decision, d.http(entry, manager, from, r, &decision)
		case typed.MessageIs(&tcp.TcpProxy{}):
			proxied := &tcp.TcpProxy{}
			if err := typed.UnmarshalTo(proxied); err != nil {
				return decision, err
			}
			decision.Action = contract.ActionTCP
			m := received(r, false, true)
			decision.Destinations, err = d.tcp(entry, proxied, from, &m)
			return decision, err
		}
	}
	return decision, fmt.Errorf("the filter chain '%s' of %s leads nowhere", chain.Name, entry.Listener.Name)
}

// manager is the HTTP connection manager of a filter chain.
func (d *Decider) manager(chain *listener.FilterChain, typed *anypb.Any) (*hcm.HttpConnectionManager, error) {
	if known := d.managers[chain]; known != nil {
		return known, nil
	}
	manager := &hcm.HttpConnectionManager{}
	if err := typed.UnmarshalTo(manager); err != nil {
		return nil, err
	}
	d.managers[chain] = manager
	return manager, nil
}

// chainFor is the filter chain that takes a plain HTTP/1.1 connection, or one that speaks TLS.
func chainFor(entry *plan.Entry, r contract.Request) *listener.FilterChain {
	var chosen *listener.FilterChain
	best := -1
	for _, chain := range entry.Listener.FilterChains {
		if rank := chainRank(chain.GetFilterChainMatch(), entry.Asked, r); rank > best {
			chosen, best = chain, rank
		}
	}
	if chosen == nil {
		return entry.Listener.DefaultFilterChain
	}
	return chosen
}

// chainRank is how well a match fits in Envoy's order of criteria (port, address, server name, transport, application
// protocol), -1 for not at all.
func chainRank(match *listener.FilterChainMatch, asked string, r contract.Request) int {
	rank := 0
	if port := match.GetDestinationPort(); port != nil {
		if int(port.Value) != r.Port {
			return -1
		}
		rank += 1 << 20
	}
	if ranges := match.GetPrefixRanges(); len(ranges) > 0 {
		longest := -1
		for _, prefix := range ranges {
			_, network, err := net.ParseCIDR(fmt.Sprintf("%s/%d", prefix.AddressPrefix, prefix.PrefixLen.GetValue()))
			if err == nil && network.Contains(net.ParseIP(asked)) {
				longest = max(longest, int(prefix.PrefixLen.GetValue()))
			}
		}
		if longest < 0 {
			return -1
		}
		rank += (longest + 1) << 12
	}
	if names := match.GetServerNames(); len(names) > 0 {
		if !r.TLS || !slices.ContainsFunc(names, func(name string) bool {
			suffix, wildcard := strings.CutPrefix(name, "*")
			return name == r.Host || wildcard && strings.HasSuffix(r.Host, suffix)
		}) {
			return -1
		}
		rank += 1 << 10
	}
	transport := map[bool]string{false: "raw_buffer", true: "tls"}[r.TLS]
	if wanted := match.GetTransportProtocol(); wanted != "" {
		if wanted != transport {
			return -1
		}
		rank += 1 << 8
	}
	if protocols := match.GetApplicationProtocols(); len(protocols) > 0 {
		if r.TLS || !slices.Contains(protocols, "http/1.1") {
			return -1
		}
		rank++
	}
	return rank
}

func (d *Decider) tcp(entry *plan.Entry, proxied *tcp.TcpProxy, from plan.Source, m *message) ([]contract.Destination, error) {
	shares := map[string]float64{proxied.GetCluster(): 1}
	names := []string{proxied.GetCluster()}
	if weighted := proxied.GetWeightedClusters(); weighted != nil {
		shares, names = map[string]float64{}, nil
		total := 0.0
		for _, c := range weighted.Clusters {
			total += float64(c.Weight)
		}
		for _, c := range weighted.Clusters {
			if _, known := shares[c.Name]; !known {
				names = append(names, c.Name)
			}
			shares[c.Name] += float64(c.Weight) / total
		}
	}
	var destinations []contract.Destination
	for _, name := range names {
		// The connection is passed on as it is; the receiver's proxy normalizes the path before its policies see it.
		arriving := *m
		arriving.path = normalized(m.path)
		known, workloads, err := d.members(entry, name, from, &arriving)
		if err != nil {
			return nil, err
		}
		destinations = append(destinations, contract.Destination{
			Cluster: name, Known: known, Probability: shares[name], Workloads: workloads,
		})
	}
	return destinations, nil
}
