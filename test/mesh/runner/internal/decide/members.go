package decide

import (
	"fmt"
	"net"
	"slices"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"

	"cmp"

	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/plan"
)

// blackHole is istiod's cluster that has no members on purpose.
const blackHole = "BlackHoleCluster"

// members tells whether the sender's proxy has the cluster, and who belongs to it.
func (d *Decider) members(entry *plan.Entry, name string) (bool, []contract.Share, error) {
	c := entry.Config.Clusters[name]
	if c == nil {
		return false, []contract.Share{}, nil
	}
	var assignment *endpoint.ClusterLoadAssignment
	switch {
	case c.GetClusterType() != nil:
		return true, nil, fmt.Errorf("the cluster '%s' is of a kind that is not understood: %s", name, c.GetClusterType().Name)
	case c.GetType() == cluster.Cluster_EDS:
		found, err := entry.Config.Endpoints(name)
		if err != nil {
			return true, nil, err
		}
		assignment = found
	case c.GetType() == cluster.Cluster_ORIGINAL_DST:
		if name == blackHole {
			return true, []contract.Share{}, nil
		}
		return true, d.shares(d.plan.Served(entry.Destinations)), nil
	default:
		assignment = c.LoadAssignment
	}
	var addresses []string
	for _, locality := range assignment.GetEndpoints() {
		for _, lb := range locality.LbEndpoints {
			socket := lb.GetEndpoint().GetAddress().GetSocketAddress()
			healthy := lb.HealthStatus == core.HealthStatus_HEALTHY || lb.HealthStatus == core.HealthStatus_UNKNOWN
			if socket == nil || !healthy {
				continue
			}
			addresses = append(addresses, d.plan.Resolved(socket.Address, entry.Namespace, int(socket.GetPortValue()))...)
		}
	}
	return true, d.shares(addresses), nil
}

// shares are the workloads that answer at addresses. Where nobody listens, nobody answers.
func (d *Decider) shares(addresses []string) []contract.Share {
	shares := []contract.Share{}
	for _, address := range addresses {
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
