package live

import (
	"fmt"
	"slices"
	"strings"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	cluster "cdk8s-lanes/mesh-runner/internal/cluster"
	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/envoy"
	"cdk8s-lanes/mesh-runner/internal/pilot"
)

// The clusters of Istio's own bootstrap: where configuration and certificates come from.
const (
	controlCluster = "xds-grpc"
	secretCluster  = "sds-grpc"
)

// bootstrap is what the proxy starts with: istiod's own listener for the port, fixed, and where all else comes from.
func bootstrap(p pilot.Proxy, l *listener.Listener, sockets map[string]string) *bootstrapv3.Bootstrap {
	role := "sidecar"
	if p.Router {
		role = "router"
	}
	ads := &core.ConfigSource{
		ResourceApiVersion:    core.ApiVersion_V3,
		ConfigSourceSpecifier: &core.ConfigSource_Ads{Ads: &core.AggregatedConfigSource{}},
	}
	b := envoy.Bootstrap(sockets["admin"])
	b.Node = &core.Node{
		Id:      fmt.Sprintf("%s~%s~%s.%s~%s.svc.%s", role, p.IP, p.Name, p.Namespace, p.Namespace, cluster.Domain),
		Cluster: p.Name + "." + p.Namespace, Metadata: metadata(p).ToStruct(),
	}
	b.DynamicResources = &bootstrapv3.Bootstrap_DynamicResources{
		CdsConfig: ads,
		AdsConfig: &core.ApiConfigSource{
			ApiType: core.ApiConfigSource_DELTA_GRPC, TransportApiVersion: core.ApiVersion_V3,
			GrpcServices: []*core.GrpcService{{TargetSpecifier: &core.GrpcService_EnvoyGrpc_{
				EnvoyGrpc: &core.GrpcService_EnvoyGrpc{ClusterName: controlCluster},
			}}},
		},
	}
	b.StaticResources = &bootstrapv3.Bootstrap_StaticResources{
		Listeners: []*listener.Listener{l},
		Clusters: []*clusterv3.Cluster{
			envoy.GRPCCluster(controlCluster, sockets["istiod"]), envoy.GRPCCluster(secretCluster, sockets["secrets"]),
		},
	}
	return b
}

// adapt gives istiod's listener an address of its own, and takes away what only Istio's build of Envoy has.
func adapt(original *listener.Listener, host string, port int) (*listener.Listener, error) {
	l := proto.Clone(original).(*listener.Listener)
	l.Address = &core.Address{Address: &core.Address_SocketAddress{SocketAddress: &core.SocketAddress{
		Address: host, PortSpecifier: &core.SocketAddress_PortValue{PortValue: uint32(port)},
	}}}
	l.AdditionalAddresses, l.BindToPort, l.UseOriginalDst, l.Transparent, l.AccessLog = nil, nil, nil, nil, nil
	l.ListenerFilters = slices.DeleteFunc(l.ListenerFilters, func(f *listener.ListenerFilter) bool {
		return f.Name == "envoy.filters.listener.original_dst" || f.Name == "envoy.filters.listener.original_src"
	})
	for _, chain := range append(slices.Clone(l.FilterChains), l.DefaultFilterChain) {
		if chain == nil {
			continue
		}
		var kept []*listener.Filter
		for _, filter := range chain.Filters {
			typed := filter.GetTypedConfig()
			if typed == nil || istioOnly(typed.TypeUrl) {
				continue
			}
			manager := &hcm.HttpConnectionManager{}
			if typed.MessageIs(manager) {
				if err := typed.UnmarshalTo(manager); err != nil {
					return nil, err
				}
				manager.AccessLog, manager.Tracing = nil, nil
				manager.HttpFilters = slices.DeleteFunc(manager.HttpFilters, func(f *hcm.HttpFilter) bool {
					return istioOnly(f.GetTypedConfig().GetTypeUrl()) || istioOnly(f.Name)
				})
				packed, err := anypb.New(manager)
				if err != nil {
					return nil, err
				}
				filter.ConfigType = &listener.Filter_TypedConfig{TypedConfig: packed}
			}
			kept = append(kept, filter)
		}
		chain.Filters = kept
	}
	return l, nil
}

func istioOnly(name string) bool {
	return strings.Contains(name, "istio.") || strings.Contains(name, "stats.PluginConfig") || strings.Contains(name, "metadataexchange")
}

// listenerFor finds the listener that takes requests for a port.
func listenerFor(all []*listener.Listener, p pilot.Proxy, port int) (*listener.Listener, error) {
	var found *listener.Listener
	for _, l := range all {
		exact := int(l.GetAddress().GetSocketAddress().GetPortValue()) == port
		outbound := l.TrafficDirection == core.TrafficDirection_OUTBOUND
		if exact && outbound && (found == nil || l.Name == fmt.Sprintf("0.0.0.0_%d", port)) {
			found = l
		}
	}
	if found == nil {
		return nil, contract.Inputf("istiod has no listener for port %d of %s", port, p.ID())
	}
	return found, nil
}
