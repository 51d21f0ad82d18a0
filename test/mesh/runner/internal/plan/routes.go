package plan

import (
	"strings"

	mutation "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"cdk8s-lanes/mesh-runner/internal/contract"
)

// clusterNames gives every cluster that a route configuration refers to another name, and marks the copies that mirror
// policies make: the only things about istiod's routes that are changed.
func clusterNames(rc *route.RouteConfiguration, rename func(name string, mirror bool) string) {
	mirror := func(policies []*route.RouteAction_RequestMirrorPolicy) {
		for _, policy := range policies {
			if policy.Cluster != "" {
				policy.Cluster = rename(policy.Cluster, true)
			}
			policy.RequestHeadersMutations = append(policy.RequestHeadersMutations, &mutation.HeaderMutation{
				Action: &mutation.HeaderMutation_Append{Append: &core.HeaderValueOption{
					Header:       &core.HeaderValue{Key: contract.ShadowHeader, Value: "1"},
					AppendAction: core.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
				}},
			})
		}
	}
	mirror(rc.RequestMirrorPolicies)
	for _, vhost := range rc.VirtualHosts {
		mirror(vhost.RequestMirrorPolicies)
		for _, r := range vhost.Routes {
			action := r.GetRoute()
			if action == nil {
				continue
			}
			mirror(action.RequestMirrorPolicies)
			switch target := action.ClusterSpecifier.(type) {
			case *route.RouteAction_Cluster:
				target.Cluster = rename(target.Cluster, false)
			case *route.RouteAction_WeightedClusters:
				for _, weighted := range target.WeightedClusters.Clusters {
					weighted.Name = rename(weighted.Name, false)
				}
			}
		}
	}
}

// istioOnly tells whether a filter's type is one that only Istio's build of Envoy knows.
func istioOnly(typeURL string) bool {
	for _, part := range []string{"istio.", "stats.PluginConfig", "metadataexchange"} {
		if strings.Contains(typeURL, part) {
			return true
		}
	}
	return false
}
