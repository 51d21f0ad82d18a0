package envoy

import (
	"time"

	accesslogconfig "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	grpclog "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/grpc/v3"
	internallistener "github.com/envoyproxy/go-control-plane/envoy/extensions/bootstrap/internal_listener/v3"
	httpopts "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	tracing "github.com/envoyproxy/go-control-plane/envoy/type/tracing/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"cdk8s-lanes/mesh-runner/internal/contract"
)

const controlCluster = "mesh-control"

// runtimeFlags are those of Istio's own bootstrap (pkg/bootstrap/config.go).
var runtimeFlags = map[string]any{
	"re2.max_program_size.error_level":                                           "32768",
	"envoy.reloadable_features.http_reject_path_with_fragment":                   false,
	"envoy.reloadable_features.fixed_heap_use_allocated":                         true,
	"envoy.reloadable_features.coalesce_lb_rebuilds_on_batch_update":             false,
	"envoy.reloadable_features.http_strip_fragment_from_path_unsafe_if_disabled": "false",
}

// Bootstrap is the part of an Envoy's first configuration that is as Istio's; the rest is to be filled in.
func Bootstrap(admin string) *bootstrapv3.Bootstrap {
	flags, err := structpb.NewStruct(runtimeFlags)
	if err != nil {
		panic(err)
	}
	return &bootstrapv3.Bootstrap{
		Admin: &bootstrapv3.Admin{Address: pipe(admin)},
		LayeredRuntime: &bootstrapv3.LayeredRuntime{Layers: []*bootstrapv3.RuntimeLayer{{
			Name: "istio", LayerSpecifier: &bootstrapv3.RuntimeLayer_StaticLayer{StaticLayer: flags},
		}}},
		BootstrapExtensions: []*core.TypedExtensionConfig{{
			Name:        "envoy.bootstrap.internal_listener",
			TypedConfig: pack(&internallistener.InternalListener{BufferSizeKb: wrapperspb.UInt32(64)}),
		}},
	}
}

// bootstrap is the configuration that Envoy starts with: where it gets the rest.
func bootstrap(control, admin string) *bootstrapv3.Bootstrap {
	ads := &core.ConfigSource{
		ResourceApiVersion:    core.ApiVersion_V3,
		ConfigSourceSpecifier: &core.ConfigSource_Ads{Ads: &core.AggregatedConfigSource{}},
	}
	b := Bootstrap(admin)
	b.Node = &core.Node{Id: "mesh", Cluster: "mesh"}
	b.DynamicResources = &bootstrapv3.Bootstrap_DynamicResources{
		LdsConfig: ads, CdsConfig: ads,
		AdsConfig: &core.ApiConfigSource{
			ApiType: core.ApiConfigSource_GRPC, TransportApiVersion: core.ApiVersion_V3,
			GrpcServices: []*core.GrpcService{grpcService()},
		},
	}
	b.StaticResources = &bootstrapv3.Bootstrap_StaticResources{Clusters: []*cluster.Cluster{GRPCCluster(controlCluster, control)}}
	return b
}

// GRPCCluster is where a server of ours listens at a socket.
func GRPCCluster(name, socket string) *cluster.Cluster {
	return &cluster.Cluster{
		Name:                 name,
		ClusterDiscoveryType: &cluster.Cluster_Type{Type: cluster.Cluster_STATIC},
		ConnectTimeout:       durationpb.New(5 * time.Second),
		LoadAssignment: &endpoint.ClusterLoadAssignment{
			ClusterName: name,
			Endpoints: []*endpoint.LocalityLbEndpoints{{LbEndpoints: []*endpoint.LbEndpoint{{
				HostIdentifier: &endpoint.LbEndpoint_Endpoint{Endpoint: &endpoint.Endpoint{Address: pipe(socket)}},
			}}}},
		},
		TypedExtensionProtocolOptions: map[string]*anypb.Any{
			"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": pack(&httpopts.HttpProtocolOptions{
				UpstreamProtocolOptions: &httpopts.HttpProtocolOptions_ExplicitHttpConfig_{
					ExplicitHttpConfig: &httpopts.HttpProtocolOptions_ExplicitHttpConfig{
						ProtocolConfig: &httpopts.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{
							Http2ProtocolOptions: &core.Http2ProtocolOptions{},
						},
					},
				},
			}),
		},
	}
}

func grpcService() *core.GrpcService {
	return &core.GrpcService{TargetSpecifier: &core.GrpcService_EnvoyGrpc_{
		EnvoyGrpc: &core.GrpcService_EnvoyGrpc{ClusterName: controlCluster},
	}}
}

func pipe(path string) *core.Address {
	return &core.Address{Address: &core.Address_Pipe{Pipe: &core.Pipe{Path: path}}}
}

// pack wraps a message of a type that can always be encoded.
func pack(message proto.Message) *anypb.Any {
	packed, err := anypb.New(message)
	if err != nil {
		panic(err)
	}
	return packed
}

// The tags of access log lines.
const (
	TagKey      = "key"
	TagFlags    = "flags"
	TagListener = "listener"
	// MetadataNamespace and MetadataListener are where a listener's metadata holds its identity.
	MetadataNamespace = "mesh"
	MetadataListener  = "listener"
)

// AccessLog makes an HTTP connection manager report every request here, at once. It is the same for all of them, so
// that Envoy uses one stream for all.
func AccessLog() *accesslogconfig.AccessLog {
	tag := func(name, value string) *tracing.CustomTag {
		return &tracing.CustomTag{Tag: name, Type: &tracing.CustomTag_Value{Value: value}}
	}
	return &accesslogconfig.AccessLog{
		Name: "envoy.access_loggers.http_grpc",
		ConfigType: &accesslogconfig.AccessLog_TypedConfig{TypedConfig: pack(&grpclog.HttpGrpcAccessLogConfig{
			CommonConfig: &grpclog.CommonGrpcAccessLogConfig{
				LogName: "mesh", GrpcService: grpcService(), TransportApiVersion: core.ApiVersion_V3,
				BufferSizeBytes: wrapperspb.UInt32(0),
				CustomTags: []*tracing.CustomTag{
					tag(TagKey, "%REQ("+contract.KeyHeader+")%"),
					tag(TagFlags, "%RESPONSE_FLAGS%"),
					tag(TagListener, "%METADATA(LISTENER:"+MetadataNamespace+":"+MetadataListener+")%"),
				},
			},
		})},
	}
}
