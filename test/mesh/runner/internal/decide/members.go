package decide

import (
	"cmp"
	"fmt"
	"net"
	"slices"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"

	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/pilot"
	"cdk8s-lanes/mesh-runner/internal/plan"
)

// member is who answers at an address, and whether the sender's proxy speaks mutual TLS there.
type member struct {
	address string
	mutual  bool
}

func plainly(addresses []string) []member {
	members := make([]member, len(addresses))
	for i, address := range addresses {
		members[i].address = address
	}
	return members
}

// members tells whether the sender's proxy has the cluster, who belongs to it, and which of them refuse the request.
func (d *Decider) members(entry *plan.Entry, name string, from plan.Source, m *message) (bool, []contract.Share, error) {
	c := entry.Config.Clusters[name]
	if c == nil {
		return false, []contract.Share{}, nil
	}
	members, err := d.healthy(entry, c)
	if err != nil {
		return true, nil, err
	}
	speaks, forced := secured(c)
	accepted := acceptedIdentities(c)
	if forced {
		members = slices.DeleteFunc(members, func(each member) bool {
			host, _, err := splitAddress(each.address)
			pod := d.cluster.Pod(host)
			return err != nil || pod == nil || !pod.Sidecar || len(accepted) > 0 && !slices.Contains(accepted, identity(pilot.ForPod(pod)))
		})
	}
	for i := range members {
		members[i].mutual = forced || speaks && members[i].mutual
	}
	shares := d.shares(members)
	return true, shares, d.judge(shares, members, from, m)
}

// healthy are a cluster's healthy members.
func (d *Decider) healthy(entry *plan.Entry, c *cluster.Cluster) ([]member, error) {
	assignment := c.LoadAssignment
	switch {
	case c.GetClusterType() != nil:
		return nil, fmt.Errorf("the cluster '%s' is of a kind that is not understood: %s", c.Name, c.GetClusterType().Name)
	case c.GetType() == cluster.Cluster_ORIGINAL_DST:
		return plainly(d.plan.Served(entry.Destinations)), nil
	case c.GetType() == cluster.Cluster_EDS:
		found, err := entry.Config.Endpoints(c.Name)
		if err != nil {
			return nil, err
		}
		assignment = found
	}
	var members []member
	for _, locality := range assignment.GetEndpoints() {
		for _, lb := range locality.LbEndpoints {
			socket := lb.GetEndpoint().GetAddress().GetSocketAddress()
			healthy := lb.HealthStatus == core.HealthStatus_HEALTHY || lb.HealthStatus == core.HealthStatus_UNKNOWN
			if socket != nil && healthy {
				for _, address := range d.plan.Resolved(socket.Address, entry.Namespace, int(socket.GetPortValue())) {
					members = append(members, member{address, speaksMutualTLS(lb)})
				}
			}
		}
	}
	return members, nil
}

// speaksMutualTLS tells whether istiod says so of an endpoint: its pod has a sidecar that takes it.
func speaksMutualTLS(lb *endpoint.LbEndpoint) bool {
	return lb.GetMetadata().GetFilterMetadata()["envoy.transport_socket_match"].GetFields()["tlsMode"].GetStringValue() == "istio"
}

// shares are the workloads that answer at addresses. Where nobody listens, nobody answers.
func (d *Decider) shares(members []member) []contract.Share {
	shares := []contract.Share{}
	for _, each := range members {
		address := each.address
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			continue
		}
		share := contract.Share{}
		if pod := d.cluster.Pod(host); pod != nil {
			share.Namespace, share.Workload = pod.Namespace, pod.Workload
		} else if app := d.plan.Apps[address]; app != nil && app.External != "" {
			share.Workload = app.External
		} else {
			continue
		}
		i := slices.IndexFunc(shares, func(other contract.Share) bool {
			return other.Namespace == share.Namespace && other.Workload == share.Workload
		})
		if i < 0 {
			i = len(shares)
			shares = append(shares, share)
		}
		shares[i].Pods++
	}
	slices.SortFunc(shares, func(a, b contract.Share) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Workload, b.Workload))
	})
	return shares
}

// policy is what a cluster was told by DestinationRules, as far as it tells them apart.
func policy(c *cluster.Cluster) *contract.Policy {
	if c == nil {
		return nil
	}
	p := &contract.Policy{LoadBalancer: c.LbPolicy.String()}
	const unlimited = 1<<32 - 1
	for _, threshold := range c.GetCircuitBreakers().GetThresholds() {
		if n := threshold.GetMaxConnections().GetValue(); n != unlimited {
			p.MaxConnections = n
		}
		if n := threshold.GetMaxPendingRequests().GetValue(); n != unlimited {
			p.MaxPendingRequests = n
		}
	}
	p.Consecutive5xx = c.GetOutlierDetection().GetConsecutive_5Xx().GetValue()
	return p
}
