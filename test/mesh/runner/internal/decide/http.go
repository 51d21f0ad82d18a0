package decide

import (
	"fmt"
	"slices"
	"strings"

	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	faults "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	percents "github.com/envoyproxy/go-control-plane/envoy/type/v3"

	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/plan"
)

// http finds the route for a request, and says what it does.
func (d *Decider) http(entry *plan.Entry, manager *hcm.HttpConnectionManager, from plan.Source, r contract.Request, decision *contract.Decision) error {
	rc := manager.GetRouteConfig()
	if rds := manager.GetRds(); rds != nil {
		found, err := entry.Config.Route(entry.Listener, rds.RouteConfigName)
		if err != nil {
			return err
		}
		if rc = found; rc == nil {
			rc = &route.RouteConfiguration{Name: rds.RouteConfigName}
		}
	}
	decision.Routes = rc.Name
	m := received(r, manager.GetNormalizePath().GetValue(), !manager.GetUseRemoteAddress().GetValue())
	if from.Proxy.Router {
		denied, err := managerDenies(manager, arrival{message: &m, port: listened(entry), from: from.ClientIP})
		if err != nil {
			return err
		}
		if denied {
			decision.Action, decision.Status = contract.ActionDeny, 403
			return nil
		}
	}
	decision.Action, decision.Status = contract.ActionNone, 404
	vhost := virtualHost(rc, m.authority)
	if vhost == nil {
		return nil
	}
	decision.VirtualHost = vhost.Name
	if vhost.RequireTls == route.VirtualHost_ALL && m.scheme != "https" {
		decision.Action, decision.Status = contract.ActionRedirect, 301
		decision.Location = "https://" + m.authority + m.path
		return nil
	}
	for _, candidate := range vhost.Routes {
		fits, err := matches(candidate.Match, &m)
		if err != nil {
			return err
		}
		if fits {
			return d.act(entry, from, rc, vhost, candidate, &m, decision)
		}
	}
	return nil
}

// listened is the port that a listener is bound to.
func listened(entry *plan.Entry) int {
	return int(entry.Listener.GetAddress().GetSocketAddress().GetPortValue())
}

// act says what a route does.
func (d *Decider) act(entry *plan.Entry, from plan.Source, rc *route.RouteConfiguration, vhost *route.VirtualHost, r *route.Route, m *message, decision *contract.Decision) error {
	if len(rc.RequestHeadersToAdd)+len(rc.ResponseHeadersToAdd)+len(vhost.RequestHeadersToAdd)+len(vhost.ResponseHeadersToAdd) > 0 {
		return fmt.Errorf("header operations of %s are not understood", vhost.Name)
	}
	decision.Route, decision.VirtualService = r.Name, madeOf(r)
	answer := changes(r.ResponseHeadersToAdd, r.ResponseHeadersToRemove)
	switch action := r.Action.(type) {
	case *route.Route_Redirect:
		decision.Action, decision.AnswerHeaders = contract.ActionRedirect, answer
		decision.Status = redirectStatus[action.Redirect.ResponseCode]
		decision.Location = location(action.Redirect, r.Match, m)
		return nil
	case *route.Route_DirectResponse:
		decision.Action, decision.AnswerHeaders = contract.ActionAnswer, answer
		decision.Status = int(action.DirectResponse.Status)
		body := action.DirectResponse.GetBody()
		decision.Body = body.GetInlineString() + string(body.GetInlineBytes())
		return nil
	case *route.Route_Route:
		decision.Action, decision.Status = contract.ActionRoute, 0
		if err := fault(r, decision); err != nil {
			return err
		}
		return d.forward(entry, from, r, vhost, action.Route, m, decision)
	}
	return fmt.Errorf("the action of route '%s' is not understood: %v", r.Name, r.Action)
}

// madeOf is the VirtualService that istiod says a route comes from.
func madeOf(r *route.Route) string {
	const prefix = "/apis/networking.istio.io/"
	config := r.GetMetadata().GetFilterMetadata()["istio"].GetFields()["config"].GetStringValue()
	parts := strings.Split(strings.TrimPrefix(config, prefix), "/")
	if !strings.HasPrefix(config, prefix) || len(parts) != 5 || parts[3] != "virtual-service" {
		return ""
	}
	return parts[2] + "/" + parts[4]
}

// forward says where a request goes, and how.
func (d *Decider) forward(entry *plan.Entry, from plan.Source, r *route.Route, vhost *route.VirtualHost, action *route.RouteAction, m *message, decision *contract.Decision) error {
	own := changes(r.RequestHeadersToAdd, r.RequestHeadersToRemove)
	answer := changes(r.ResponseHeadersToAdd, r.ResponseHeadersToRemove)
	path, err := rewritten(action, r.Match, m)
	if err != nil {
		return err
	}
	add := func(name string, share float64, request, response []contract.HeaderChange, host string) error {
		sent := &contract.SentRequest{Authority: m.authority, Path: path, Headers: changed(m.headers, append(request, own...))}
		if host != "" {
			sent.Authority = host
		}
		if literal := action.GetHostRewriteLiteral(); literal != "" {
			sent.Authority = literal
		}
		arriving := message{method: m.method, scheme: m.scheme, authority: sent.Authority, path: normalized(path), headers: sent.Headers}
		known, workloads, err := d.members(entry, name, from, &arriving)
		if err != nil {
			return err
		}
		decision.Destinations = append(decision.Destinations, contract.Destination{
			Cluster: name, Known: known, Probability: share, Workloads: workloads, Policy: policy(entry.Config.Clusters[name]), Sent: sent, AnswerHeaders: append(response, answer...),
		})
		return nil
	}
	switch specifier := action.ClusterSpecifier.(type) {
	case *route.RouteAction_Cluster:
		err = add(specifier.Cluster, 1, nil, nil, "")
	case *route.RouteAction_WeightedClusters:
		total := 0.0
		for _, c := range specifier.WeightedClusters.Clusters {
			total += float64(c.Weight.GetValue())
		}
		for _, c := range specifier.WeightedClusters.Clusters {
			err = add(c.Name, float64(c.Weight.GetValue())/total, changes(c.RequestHeadersToAdd, c.RequestHeadersToRemove),
				changes(c.ResponseHeadersToAdd, c.ResponseHeadersToRemove), c.GetHostRewriteLiteral())
			if err != nil {
				break
			}
		}
	default:
		err = fmt.Errorf("the destination of route '%s' is not understood: %v", r.Name, action.ClusterSpecifier)
	}
	if err != nil {
		return err
	}
	decision.TimeoutMs = action.GetTimeout().AsDuration().Milliseconds()
	policy := action.RetryPolicy
	if policy == nil {
		policy = vhost.RetryPolicy
	}
	if policy != nil {
		decision.Retries = retries(policy)
	}
	return d.mirrors(entry, from, action, m, decision)
}

func retries(policy *route.RetryPolicy) *contract.Retries {
	result := &contract.Retries{Attempts: 1, On: []string{}, PerTryTimeoutMs: policy.GetPerTryTimeout().AsDuration().Milliseconds()}
	if policy.NumRetries != nil {
		result.Attempts = int(policy.NumRetries.Value)
	}
	for _, condition := range strings.Split(policy.RetryOn, ",") {
		if condition != "" && !slices.Contains(result.On, condition) {
			result.On = append(result.On, condition)
		}
	}
	for _, status := range policy.RetriableStatusCodes {
		result.On = append(result.On, fmt.Sprint(status))
	}
	return result
}

// mirrors are sent what the first destination gets.
func (d *Decider) mirrors(entry *plan.Entry, from plan.Source, action *route.RouteAction, m *message, decision *contract.Decision) error {
	for _, policy := range action.RequestMirrorPolicies {
		sent := decision.Destinations[0].Sent
		arriving := message{method: m.method, scheme: m.scheme, authority: sent.Authority, path: normalized(sent.Path), headers: sent.Headers}
		known, workloads, err := d.members(entry, policy.Cluster, from, &arriving)
		if err != nil {
			return err
		}
		mirror := contract.Mirror{Cluster: policy.Cluster, Known: known, Percent: 100, Workloads: workloads}
		if fraction := policy.RuntimeFraction; fraction != nil {
			mirror.Percent = percent(fraction.DefaultValue)
		}
		decision.Mirrors = append(decision.Mirrors, mirror)
	}
	return nil
}

func percent(fraction *percents.FractionalPercent) float64 {
	switch fraction.GetDenominator() {
	case percents.FractionalPercent_TEN_THOUSAND:
		return float64(fraction.GetNumerator()) / 100
	case percents.FractionalPercent_MILLION:
		return float64(fraction.GetNumerator()) / 10_000
	}
	return float64(fraction.GetNumerator())
}

func fault(r *route.Route, decision *contract.Decision) error {
	typed := r.TypedPerFilterConfig["envoy.filters.http.fault"]
	if typed == nil {
		return nil
	}
	var config faults.HTTPFault
	if err := typed.UnmarshalTo(&config); err != nil {
		return err
	}
	result := contract.Fault{}
	if delay := config.Delay; percent(delay.GetPercentage()) > 0 {
		result.DelayMs, result.DelayPercent = delay.GetFixedDelay().AsDuration().Milliseconds(), percent(delay.Percentage)
	}
	if abort := config.Abort; percent(abort.GetPercentage()) > 0 {
		result.AbortStatus, result.AbortGRPC = int(abort.GetHttpStatus()), int(abort.GetGrpcStatus())
		result.AbortPercent = percent(abort.Percentage)
	}
	if result != (contract.Fault{}) {
		decision.Fault = &result
	}
	return nil
}
