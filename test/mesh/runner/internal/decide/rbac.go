package decide

import (
	"fmt"
	"net"
	"slices"
	"strings"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	rules "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	rbac "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tcprbac "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/rbac/v3"
	tls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	kube "cdk8s-lanes/mesh-runner/internal/cluster"
	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/pilot"
	"cdk8s-lanes/mesh-runner/internal/plan"
)

// arrival is a request at the proxy that judges it.
type arrival struct {
	message *message // nil where the proxy sees only bytes
	port    int
	from    string // the caller's address
	// identity is the caller's by mutual TLS, empty without.
	identity string
}

// identity is what the certificate of a proxy says.
func identity(proxy pilot.Proxy) string {
	account := proxy.ServiceAccount
	if account == "" {
		account = "default"
	}
	return "spiffe://" + kube.Domain + "/ns/" + proxy.Namespace + "/sa/" + account
}

// secured tells whether a proxy speaks mutual TLS to those members of a cluster that do; forced, whether it does to all.
func secured(c *cluster.Cluster) (speaks, forced bool) {
	var context tls.UpstreamTlsContext
	if typed := c.GetTransportSocket().GetTypedConfig(); typed.MessageIs(&context) && typed.UnmarshalTo(&context) == nil {
		for _, secret := range context.GetCommonTlsContext().GetTlsCertificateSdsSecretConfigs() {
			forced = forced || secret.Name == "default"
		}
	}
	return forced || slices.ContainsFunc(c.GetTransportSocketMatches(), func(match *cluster.Cluster_TransportSocketMatch) bool {
		return match.Name == "tlsMode-istio"
	}), forced
}

// acceptedIdentities are those of the members' certificates that the sender's proxy takes; none means any.
func acceptedIdentities(c *cluster.Cluster) []string {
	var context tls.UpstreamTlsContext
	if typed := c.GetTransportSocket().GetTypedConfig(); !typed.MessageIs(&context) || typed.UnmarshalTo(&context) != nil {
		return nil
	}
	var names []string
	for _, name := range context.GetCommonTlsContext().GetCombinedValidationContext().GetDefaultValidationContext().GetMatchSubjectAltNames() {
		names = append(names, name.GetExact())
	}
	return names
}

// judge marks the workloads whose own policies refuse the request.
func (d *Decider) judge(shares []contract.Share, members []member, from plan.Source, m *message) error {
	for i := range shares {
		share := &shares[i]
		for _, each := range members {
			host, port, err := splitAddress(each.address)
			if err != nil {
				return err
			}
			pod := d.cluster.Pod(host)
			if pod == nil || !pod.Sidecar || pod.Namespace != share.Namespace || pod.Workload != share.Workload {
				continue
			}
			a := arrival{message: m, port: port, from: from.Proxy.IP}
			if each.mutual {
				a.identity = identity(from.Proxy)
			}
			if share.Denied, err = d.inboundDenies(pod, a); err != nil {
				return err
			}
			break
		}
	}
	return nil
}

// inboundDenies tells whether the sidecar of a pod refuses what arrives.
func (d *Decider) inboundDenies(pod *kube.Pod, a arrival) (bool, error) {
	cfg, err := d.pilot.Inbound(pilot.ForPod(pod))
	if err != nil {
		return false, err
	}
	for _, l := range cfg.Listeners {
		if l.Name != "virtualInbound" {
			continue
		}
		chain := inboundChain(l, a)
		if chain == nil {
			return true, nil
		}
		return d.chainDenies(chain, a)
	}
	return false, fmt.Errorf("%s: istiod has no inbound listener", pod.ID())
}

// inboundChain is the filter chain for what arrives: the one of the port, and of mutual TLS or plain text. HTTP is
// recognised where the port does not say; callers with mutual TLS say it by ALPN. Envoy narrows the chains down step by
// step and never goes back: a port with chains of its own has no other ones.
func inboundChain(l *listener.Listener, a arrival) *listener.FilterChain {
	protocol, transport := "http/1.1", "raw_buffer"
	if a.identity != "" {
		protocol, transport = "istio-http/1.1", "tls"
	}
	chains := narrowed(l.FilterChains, func(match *listener.FilterChainMatch) (said, fits bool) {
		port := match.GetDestinationPort()
		return port != nil, int(port.GetValue()) == a.port
	})
	chains = narrowed(chains, func(match *listener.FilterChainMatch) (said, fits bool) {
		wanted := match.GetTransportProtocol()
		return wanted != "", wanted == transport
	})
	chains = narrowed(chains, func(match *listener.FilterChainMatch) (said, fits bool) {
		protocols := match.GetApplicationProtocols()
		return len(protocols) > 0, slices.Contains(protocols, protocol)
	})
	if len(chains) == 0 {
		return nil
	}
	return chains[0]
}

// narrowed keeps the chains that say what fits, or where there is none those that say nothing.
func narrowed(chains []*listener.FilterChain, look func(*listener.FilterChainMatch) (said, fits bool)) []*listener.FilterChain {
	var fitting, silent []*listener.FilterChain
	for _, chain := range chains {
		switch said, fits := look(chain.GetFilterChainMatch()); {
		case said && fits:
			fitting = append(fitting, chain)
		case !said:
			silent = append(silent, chain)
		}
	}
	if len(fitting) > 0 {
		return fitting
	}
	return silent
}

func (d *Decider) chainDenies(chain *listener.FilterChain, a arrival) (bool, error) {
	for _, filter := range chain.Filters {
		typed := filter.GetTypedConfig()
		switch {
		case typed.MessageIs(&tcprbac.RBAC{}):
			policy := &tcprbac.RBAC{}
			if err := typed.UnmarshalTo(policy); err != nil {
				return false, err
			}
			raw := a
			raw.message = nil
			if denied, err := denies(policy.Rules, raw); denied || err != nil {
				return denied, err
			}
		case typed.MessageIs(&hcm.HttpConnectionManager{}):
			manager, err := d.manager(chain, typed)
			if err != nil {
				return false, err
			}
			return managerDenies(manager, a)
		}
	}
	return false, nil
}

// managerDenies tells whether the policies among the HTTP filters refuse a request.
func managerDenies(manager *hcm.HttpConnectionManager, a arrival) (bool, error) {
	for _, filter := range manager.HttpFilters {
		typed := filter.GetTypedConfig()
		if !typed.MessageIs(&rbac.RBAC{}) {
			continue
		}
		policy := &rbac.RBAC{}
		if err := typed.UnmarshalTo(policy); err != nil {
			return false, err
		}
		if denied, err := denies(policy.Rules, a); denied || err != nil {
			return denied, err
		}
	}
	return false, nil
}

// denies evaluates one filter: some policy must match for ALLOW, none may for DENY.
func denies(all *rules.RBAC, a arrival) (bool, error) {
	if all == nil || all.Action == rules.RBAC_LOG {
		return false, nil
	}
	matched := false
	for _, policy := range all.Policies {
		permitted, err := anyOf(policy.Permissions, func(p *rules.Permission) (bool, error) { return permits(p, a) })
		if err != nil {
			return false, err
		}
		known, err := anyOf(policy.Principals, func(p *rules.Principal) (bool, error) { return knows(p, a) })
		if err != nil {
			return false, err
		}
		matched = matched || permitted && known
	}
	return matched == (all.Action == rules.RBAC_DENY), nil
}

func anyOf[T any](items []T, holds func(T) (bool, error)) (bool, error) {
	for _, item := range items {
		if fits, err := holds(item); fits || err != nil {
			return fits, err
		}
	}
	return false, nil
}

func allOf[T any](items []T, holds func(T) (bool, error)) (bool, error) {
	for _, item := range items {
		if fits, err := holds(item); !fits || err != nil {
			return false, err
		}
	}
	return true, nil
}

func permits(p *rules.Permission, a arrival) (bool, error) {
	each := func(p *rules.Permission) (bool, error) { return permits(p, a) }
	switch rule := p.Rule.(type) {
	case *rules.Permission_Any:
		return rule.Any, nil
	case *rules.Permission_AndRules:
		return allOf(rule.AndRules.Rules, each)
	case *rules.Permission_OrRules:
		return anyOf(rule.OrRules.Rules, each)
	case *rules.Permission_NotRule:
		fits, err := each(rule.NotRule)
		return !fits, err
	case *rules.Permission_DestinationPort:
		return int(rule.DestinationPort) == a.port, nil
	case *rules.Permission_Header:
		return a.message != nil && first(headerFits(rule.Header, a.message)), nil
	case *rules.Permission_UrlPath:
		if a.message == nil {
			return false, nil
		}
		return textFits(rule.UrlPath.GetPath(), a.message.queryless())
	}
	return false, fmt.Errorf("a permission is not understood: %v", p)
}

func knows(p *rules.Principal, a arrival) (bool, error) {
	each := func(p *rules.Principal) (bool, error) { return knows(p, a) }
	switch by := p.Identifier.(type) {
	case *rules.Principal_Any:
		return by.Any, nil
	case *rules.Principal_AndIds:
		return allOf(by.AndIds.Ids, each)
	case *rules.Principal_OrIds:
		return anyOf(by.OrIds.Ids, each)
	case *rules.Principal_NotId:
		fits, err := each(by.NotId)
		return !fits, err
	case *rules.Principal_Authenticated_:
		if a.identity == "" {
			return false, nil
		}
		if by.Authenticated.PrincipalName == nil {
			return true, nil
		}
		return textFits(by.Authenticated.PrincipalName, a.identity)
	case *rules.Principal_DirectRemoteIp:
		return within(by.DirectRemoteIp, a.from), nil
	case *rules.Principal_RemoteIp:
		return within(by.RemoteIp, a.from), nil
	case *rules.Principal_Header:
		return a.message != nil && first(headerFits(by.Header, a.message)), nil
	}
	return false, fmt.Errorf("a principal is not understood: %v", p)
}

func first(fits bool, err error) bool { return fits && err == nil }

func within(block *core.CidrRange, address string) bool {
	_, network, err := net.ParseCIDR(fmt.Sprintf("%s/%d", block.AddressPrefix, block.PrefixLen.GetValue()))
	return err == nil && network.Contains(net.ParseIP(address))
}

func splitAddress(address string) (string, int, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	number := 0
	_, err = fmt.Sscan(port, &number)
	return strings.TrimSpace(host), number, err
}
