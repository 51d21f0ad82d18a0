package plan

import (
	"fmt"
	"net"
	"slices"
	"strings"

	accesslog "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	proxyprotocol "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/proxy_protocol/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tcp "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"

	kube "cdk8s-lanes/mesh-runner/internal/cluster"
	"cdk8s-lanes/mesh-runner/internal/envoy"
	"cdk8s-lanes/mesh-runner/internal/pilot"
)

const (
	virtualInbound  = "virtualInbound"
	virtualOutbound = "virtualOutbound"
	// outboundPort is where all proxies take their pods' requests, each at an address of its own. (Not 15001, which
	// virtualOutbound's black hole matches.)
	outboundPort = 15101
)

// outboundListener adds a listener of a sidecar's outbound side. The sender tells by the PROXY protocol where it meant
// to connect to, so that everything that depends on the original destination works.
func (p *Plan) outboundListener(cfg *pilot.Config, proxy pilot.Proxy, original *listener.Listener) (*Listener, error) {
	key := "outbound " + proxy.ID() + "|" + original.Name
	if known := p.listeners[key]; known != nil {
		return known, nil
	}
	l := proto.Clone(original).(*listener.Listener)
	known := p.newListener(key, proxy, original.Name, fmt.Sprintf("%s:%d", p.planner.slot.ListenerIP(key), outboundPort))
	inspectors := slices.DeleteFunc(l.ListenerFilters, func(f *listener.ListenerFilter) bool {
		return f.Name == "envoy.filters.listener.original_dst" || f.Name == "envoy.filters.listener.original_src"
	})
	l.ListenerFilters = append([]*listener.ListenerFilter{{
		Name:       "envoy.filters.listener.proxy_protocol",
		ConfigType: &listener.ListenerFilter_TypedConfig{TypedConfig: pack(&proxyprotocol.ProxyProtocol{})},
	}}, inspectors...)
	for _, chain := range append(slices.Clone(l.FilterChains), l.DefaultFilterChain) {
		if chain != nil {
			if err := p.outboundChain(cfg, proxy, original, chain, known); err != nil {
				return nil, err
			}
		}
	}
	return known, p.addListener(l, known)
}

// gatewayListener adds a listener of a gateway for clients that speak no TLS. A server with TLS is served to them in plain
// text: the chain that their server name would have chosen gets a listener of its own.
func (p *Plan) gatewayListener(cfg *pilot.Config, proxy pilot.Proxy, original *listener.Listener, chosen *listener.FilterChain) (*Listener, error) {
	port := original.GetAddress().GetSocketAddress().GetPortValue()
	key := "gateway " + proxy.ID() + "|" + original.Name
	address := fmt.Sprintf("%s:%d", proxy.IP, port)
	if chosen != nil {
		key += "|" + strings.Join(chosen.GetFilterChainMatch().GetServerNames(), ",")
		address = fmt.Sprintf("%s:%d", p.planner.slot.ListenerIP(key), port)
	}
	if chosen.GetTransportSocket() != nil {
		p.warn("%s: TLS of port %d is left out for requests without TLS: they are served in plain text, by the server that fits the host", proxy.ID(), port)
	}
	if known := p.listeners[key]; known != nil {
		return known, nil
	}
	l := proto.Clone(original).(*listener.Listener)
	if chosen != nil {
		chain := proto.Clone(chosen).(*listener.FilterChain)
		chain.TransportSocket, chain.FilterChainMatch = nil, nil
		l.FilterChains, l.ListenerFilters = []*listener.FilterChain{chain}, nil
	}
	known := p.newListener(key, proxy, original.Name, address)
	for _, chain := range l.FilterChains {
		if err := p.outboundChain(cfg, proxy, original, chain, known); err != nil {
			return nil, err
		}
	}
	return known, p.addListener(l, known)
}

// outboundChain adapts one filter chain of a sidecar's outbound side or a gateway, and follows where it leads.
func (p *Plan) outboundChain(cfg *pilot.Config, proxy pilot.Proxy, original *listener.Listener, chain *listener.FilterChain, known *Listener) error {
	return p.filters(chain, proxy, known, func(manager *hcm.HttpConnectionManager) error {
		var rc *route.RouteConfiguration
		rds := manager.GetRds()
		if rds == nil {
			rc = manager.GetRouteConfig()
		} else {
			found, err := cfg.Route(original, rds.RouteConfigName)
			if err != nil {
				return err
			}
			if found == nil {
				found = &route.RouteConfiguration{Name: rds.RouteConfigName}
			}
			rc = proto.Clone(found).(*route.RouteConfiguration)
			rds.RouteConfigName = clusterName(proxy, rds.RouteConfigName)
			rc.Name = rds.RouteConfigName
			if p.reached["route "+rc.Name] != nil {
				known.reach.add(p.reached["route "+rc.Name])
				return nil
			}
		}
		var failure error
		own := newReach()
		clusterNames(rc, func(name string, mirror bool) string {
			if mirror {
				p.Mirrors = true
				p.planner.mirrored(proxy, name)
			}
			renamed, err := p.outboundCluster(cfg, proxy, name, true, own)
			if err != nil {
				failure = err
			}
			return renamed
		})
		known.reach.add(own)
		if failure != nil || rds == nil {
			return failure
		}
		p.reached["route "+rc.Name] = own
		return p.Resources.Add(envoy.RouteType, rc.Name, rc)
	}, func(name string) (string, error) {
		return p.outboundCluster(cfg, proxy, name, false, known.reach)
	})
}

// inboundListener adds what takes requests for a port of a pod: the sidecar's inbound side, and the application behind
// it.
func (p *Plan) inboundListener(pod *kube.Pod, port int) error {
	proxy := pilot.ForPod(pod)
	cfg, err := p.pilot.Inbound(proxy)
	if err != nil {
		return err
	}
	var original *listener.Listener
	for _, l := range cfg.Listeners {
		bound := l.GetAddress().GetSocketAddress()
		if l.Name == virtualInbound && original == nil ||
			l.TrafficDirection == core.TrafficDirection_INBOUND && l.Name != virtualInbound && int(bound.GetPortValue()) == port {
			original = l
		}
	}
	if original == nil {
		return fmt.Errorf("%s: istiod has no inbound listener", pod.ID())
	}
	l := proto.Clone(original).(*listener.Listener)
	known := p.newListener(fmt.Sprintf("inbound %s|%d", pod.ID(), port), proxy, original.Name, fmt.Sprintf("%s:%d", pod.IP, port))
	known.Inbound = true
	l.ListenerFilters = slices.DeleteFunc(l.ListenerFilters, func(f *listener.ListenerFilter) bool {
		return f.Name == "envoy.filters.listener.original_dst" || f.Name == "envoy.filters.listener.original_src"
	})
	if l.FilterChains, err = p.inboundChains(l, uint32(port), proxy); err != nil {
		return err
	}
	app := fmt.Sprintf("%s:%d", p.planner.slot.AppIP(pod.ID()), port)
	if slices.Contains(p.cluster.Ports(pod), port) {
		p.addApp(&App{Address: app, Port: port, Pod: pod})
	}
	toApp := func(name string) (string, error) { return p.inboundCluster(cfg, proxy, name, port, app) }
	for _, chain := range l.FilterChains {
		err := p.filters(chain, proxy, known, func(manager *hcm.HttpConnectionManager) error {
			var failure error
			clusterNames(manager.GetRouteConfig(), func(name string, _ bool) string {
				renamed, err := toApp(name)
				if err != nil {
					failure = err
				}
				return renamed
			})
			return failure
		}, toApp)
		if err != nil {
			return err
		}
	}
	return p.addListener(l, known)
}

// inboundCluster leads to the application, whatever istiod's cluster does to find it.
func (p *Plan) inboundCluster(cfg *pilot.Config, proxy pilot.Proxy, name string, port int, app string) (string, error) {
	renamed := fmt.Sprintf("%s|%d", clusterName(proxy, name), port)
	if p.reached["cluster "+renamed] != nil {
		return renamed, nil
	}
	original := cfg.Clusters[name]
	if original == nil {
		return renamed, nil
	}
	p.reached["cluster "+renamed] = newReach()
	c := proto.Clone(original).(*cluster.Cluster)
	c.Name, c.AltStatName = renamed, p.planner.clusterID(proxy, name)
	c.Filters, c.UpstreamBindConfig = nil, nil
	if c.GetType() == cluster.Cluster_ORIGINAL_DST || len(c.GetLoadAssignment().GetEndpoints()) > 0 {
		host, _, err := net.SplitHostPort(app)
		if err != nil {
			return "", err
		}
		c.ClusterDiscoveryType = &cluster.Cluster_Type{Type: cluster.Cluster_STATIC}
		c.LbPolicy, c.LbConfig = cluster.Cluster_ROUND_ROBIN, nil
		c.LoadAssignment = &endpoint.ClusterLoadAssignment{
			ClusterName: renamed,
			Endpoints: []*endpoint.LocalityLbEndpoints{{LbEndpoints: []*endpoint.LbEndpoint{{
				HostIdentifier: &endpoint.LbEndpoint_Endpoint{Endpoint: &endpoint.Endpoint{Address: socket(host, port)}},
			}}}},
		}
	}
	return renamed, p.Resources.Add(envoy.ClusterType, renamed, c)
}

// filters adapts the network filters of a chain: what only Istio's Envoy has goes, requests are logged here, and
// clusters get the names that they have here.
func (p *Plan) filters(chain *listener.FilterChain, proxy pilot.Proxy, known *Listener,
	routes func(*hcm.HttpConnectionManager) error, rename func(string) (string, error),
) error {
	var kept []*listener.Filter
	for _, filter := range chain.Filters {
		typed := filter.GetTypedConfig()
		switch {
		case typed == nil || istioOnly(typed.TypeUrl) || istioOnly(filter.Name):
			continue
		case typed.MessageIs(&hcm.HttpConnectionManager{}):
			manager := &hcm.HttpConnectionManager{}
			if err := typed.UnmarshalTo(manager); err != nil {
				return err
			}
			p.httpFilters(manager, proxy)
			manager.AccessLog = []*accesslog.AccessLog{envoy.AccessLog()}
			manager.AccessLogOptions, manager.Tracing = nil, nil
			manager.StatPrefix = known.id
			if err := routes(manager); err != nil {
				return err
			}
			known.HTTP = true
			filter.ConfigType = &listener.Filter_TypedConfig{TypedConfig: pack(manager)}
		case typed.MessageIs(&tcp.TcpProxy{}):
			proxied := &tcp.TcpProxy{}
			if err := typed.UnmarshalTo(proxied); err != nil {
				return err
			}
			if err := tcpClusters(proxied, rename); err != nil {
				return err
			}
			proxied.AccessLog = nil
			proxied.StatPrefix = known.id
			filter.ConfigType = &listener.Filter_TypedConfig{TypedConfig: pack(proxied)}
		}
		kept = append(kept, filter)
	}
	chain.Filters = kept
	return nil
}

func tcpClusters(proxied *tcp.TcpProxy, rename func(string) (string, error)) (err error) {
	switch target := proxied.ClusterSpecifier.(type) {
	case *tcp.TcpProxy_Cluster:
		target.Cluster, err = rename(target.Cluster)
	case *tcp.TcpProxy_WeightedClusters:
		for _, weighted := range target.WeightedClusters.Clusters {
			if weighted.Name, err = rename(weighted.Name); err != nil {
				return err
			}
		}
	}
	return err
}

// httpFilters drops the HTTP filters that a stock Envoy lacks or that come from elsewhere.
func (p *Plan) httpFilters(manager *hcm.HttpConnectionManager, proxy pilot.Proxy) {
	var kept []*hcm.HttpFilter
	for _, filter := range manager.HttpFilters {
		switch {
		case filter.GetConfigDiscovery() != nil:
			p.warn("%s: the HTTP filter '%s' is left out: it is loaded from elsewhere", proxy.ID(), filter.Name)
		case istioOnly(filter.GetTypedConfig().GetTypeUrl()) || istioOnly(filter.Name):
			if !quietly[filter.Name] {
				p.warn("%s: the HTTP filter '%s' is left out: only Istio's build of Envoy has it", proxy.ID(), filter.Name)
			}
		default:
			kept = append(kept, filter)
		}
	}
	manager.HttpFilters = kept
}

// quietly are the filters that go without a warning: they change no routing.
var quietly = map[string]bool{"istio.stats": true, "istio.metadata_exchange": true, "istio.alpn": true}

// addListener gives a listener its address and identity.
func (p *Plan) addListener(l *listener.Listener, known *Listener) error {
	host, port, err := splitAddress(known.Address)
	if err != nil {
		return err
	}
	l.Name, l.StatPrefix = known.key, known.id
	l.Address, l.AdditionalAddresses = socket(host, port), nil
	l.BindToPort, l.UseOriginalDst, l.Transparent, l.AccessLog = nil, nil, nil, nil
	l.Metadata = &core.Metadata{FilterMetadata: map[string]*structpb.Struct{
		envoy.MetadataNamespace: {Fields: map[string]*structpb.Value{envoy.MetadataListener: structpb.NewStringValue(known.id)}},
	}}
	// Complete now: log lines may already refer to it.
	p.planner.mu.Lock()
	p.planner.listened[known.id] = known
	p.planner.mu.Unlock()
	return p.Resources.Add(envoy.ListenerType, l.Name, l)
}

func socket(host string, port int) *core.Address {
	return &core.Address{Address: &core.Address_SocketAddress{SocketAddress: &core.SocketAddress{
		Address: host, PortSpecifier: &core.SocketAddress_PortValue{PortValue: uint32(port)},
	}}}
}

// pack wraps a message of a type that can always be encoded.
func pack(message proto.Message) *anypb.Any {
	packed, err := anypb.New(message)
	if err != nil {
		panic(err)
	}
	return packed
}
