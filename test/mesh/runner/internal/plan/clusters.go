package plan

import (
	"net"
	"strconv"
	"strings"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	aggregate "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/aggregate/v3"
	httpopts "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"istio.io/istio/pilot/pkg/model"

	"cdk8s-lanes/mesh-runner/internal/envoy"
	"cdk8s-lanes/mesh-runner/internal/pilot"
)

// clusterName is the name of a proxy's cluster in the one Envoy that stands for all proxies.
func clusterName(proxy pilot.Proxy, name string) string { return proxy.ID() + "|" + name }

// OriginalCluster is istiod's name of a cluster.
func OriginalCluster(name string) string {
	_, original, ok := strings.Cut(name, "|")
	if !ok {
		return name
	}
	return original
}

// outboundCluster adds a cluster of a proxy, if istiod has it, and everything that it leads to. The result is its new
// name: a route that leads to no cluster keeps doing so.
func (p *Plan) outboundCluster(cfg *pilot.Config, proxy pilot.Proxy, name string, http bool, reach *reach) (string, error) {
	renamed := clusterName(proxy, name)
	key := "cluster " + renamed
	if known := p.reached[key]; known != nil {
		reach.add(known)
		return renamed, nil
	}
	original := cfg.Clusters[name]
	if original == nil {
		return renamed, nil
	}
	own := newReach()
	p.reached[key] = own
	c := proto.Clone(original).(*cluster.Cluster)
	c.Name = renamed
	c.AltStatName = p.planner.clusterID(proxy, name)
	c.Filters = nil // metadata exchange
	c.UpstreamBindConfig = &core.BindConfig{SourceAddress: &core.SocketAddress{
		Address: proxy.IP, PortSpecifier: &core.SocketAddress_PortValue{PortValue: 0},
	}}
	if err := p.upstream(c, proxy, name, http); err != nil {
		return "", err
	}
	if err := p.members(cfg, proxy, name, c, http, own); err != nil {
		return "", err
	}
	reach.add(own)
	return renamed, p.Resources.Add(envoy.ClusterType, renamed, c)
}

// members adds what a cluster consists of.
func (p *Plan) members(cfg *pilot.Config, proxy pilot.Proxy, name string, c *cluster.Cluster, http bool, reach *reach) error {
	if custom := c.GetClusterType(); custom != nil {
		var group aggregate.ClusterConfig
		if !custom.GetTypedConfig().MessageIs(&group) {
			return nil
		}
		if err := custom.GetTypedConfig().UnmarshalTo(&group); err != nil {
			return err
		}
		for i, member := range group.Clusters {
			renamed, err := p.outboundCluster(cfg, proxy, member, http, reach)
			if err != nil {
				return err
			}
			group.Clusters[i] = renamed
		}
		packed, err := anypb.New(&group)
		custom.TypedConfig = packed
		return err
	}
	switch c.GetType() {
	case cluster.Cluster_EDS:
		c.EdsClusterConfig.ServiceName = ""
		assignment, err := cfg.Endpoints(name)
		if err != nil {
			return err
		}
		assignment = proto.Clone(assignment).(*endpoint.ClusterLoadAssignment)
		assignment.ClusterName = c.Name
		if err := p.endpoints(assignment, proxy.Namespace, reach); err != nil {
			return err
		}
		return p.Resources.Add(envoy.EndpointType, c.Name, assignment)
	case cluster.Cluster_ORIGINAL_DST:
		// Where it leads depends on the request: see destination. A headless Service leads to its pods.
		_, _, hostname, port := model.ParseSubsetKey(name)
		if target := p.cluster.Resolve(string(hostname), proxy.Namespace); target.Service != nil {
			for _, address := range p.cluster.Endpoints(target.Service, port) {
				if err := p.reachAddress(address, reach); err != nil {
					return err
				}
			}
		}
		return nil
	}
	// Names that DNS would resolve, and addresses outside the mesh, get stand-ins.
	c.ClusterDiscoveryType = &cluster.Cluster_Type{Type: cluster.Cluster_STATIC}
	c.DnsLookupFamily, c.DnsRefreshRate, c.DnsJitter, c.RespectDnsTtl = 0, nil, nil, false
	if c.LoadAssignment != nil {
		c.LoadAssignment.ClusterName = c.Name
		return p.endpoints(c.LoadAssignment, proxy.Namespace, reach)
	}
	return nil
}

// endpoints makes sure that something listens at every address, and puts stand-ins where that cannot be.
func (p *Plan) endpoints(assignment *endpoint.ClusterLoadAssignment, namespace string, reach *reach) error {
	for _, locality := range assignment.Endpoints {
		var all []*endpoint.LbEndpoint
		for _, lb := range locality.LbEndpoints {
			socket := lb.GetEndpoint().GetAddress().GetSocketAddress()
			if socket == nil {
				all = append(all, lb)
				continue
			}
			port := int(socket.GetPortValue())
			for _, address := range p.Resolved(socket.Address, namespace, port) {
				copied := proto.Clone(lb).(*endpoint.LbEndpoint)
				host, service, err := net.SplitHostPort(address)
				if err != nil {
					return err
				}
				number, err := strconv.Atoi(service)
				if err != nil {
					return err
				}
				to := copied.GetEndpoint().GetAddress().GetSocketAddress()
				to.Address, to.PortSpecifier = host, &core.SocketAddress_PortValue{PortValue: uint32(number)}
				all = append(all, copied)
				if err := p.reachAddress(address, reach); err != nil {
					return err
				}
			}
		}
		locality.LbEndpoints = all
	}
	return nil
}

// resolveAll is what a name or an address outside the mesh stands for: the pods of a Service, or a stand-in.
func (p *Plan) resolveAll(host, namespace string, port int) []string {
	for range 4 { // ExternalName Services may follow each other
		target := p.cluster.Resolve(host, namespace)
		if target.Service == nil {
			break
		}
		if target.Service.ExternalName == "" {
			return p.cluster.Endpoints(target.Service, port)
		}
		host = target.Service.ExternalName
	}
	return []string{p.standIn(host, port)}
}

// http2Upstream tells whether a cluster speaks HTTP/2 to its endpoints.
func http2Upstream(c *cluster.Cluster) bool {
	var options httpopts.HttpProtocolOptions
	packed := c.TypedExtensionProtocolOptions["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]
	if packed == nil || packed.UnmarshalTo(&options) != nil {
		return false
	}
	return options.GetExplicitHttpConfig().GetHttp2ProtocolOptions() != nil
}
