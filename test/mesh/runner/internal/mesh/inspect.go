package mesh

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"

	"istio.io/istio/pilot/pkg/networking/core"

	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/pilot"
)

// Stats are Envoy's counters and gauges whose name matches, by proxy and cluster.
func (m *Mesh) Stats(filter string) ([]contract.Stat, error) {
	matches, err := regexp.Compile(filter)
	if err != nil {
		return nil, contract.Inputf("'filter' must be a regular expression: %v", err)
	}
	values, err := m.envoy.Stats()
	if err != nil {
		return nil, err
	}
	stats := []contract.Stat{}
	for full, value := range values {
		stat := contract.Stat{Name: full, Value: value}
		kind, rest, _ := strings.Cut(full, ".")
		id, name, _ := strings.Cut(rest, ".")
		switch kind {
		case "cluster":
			if named, ok := m.planner.Cluster(id); ok {
				stat.Proxy, stat.Cluster, stat.Name = named.Proxy, named.Cluster, name
			}
		case "http", "listener", "tcp":
			if known := m.planner.Listener(id); known != nil {
				stat.Proxy, stat.Listener, stat.Name = known.Proxy, known.Name, kind+"."+name
			}
		}
		if matches.MatchString(stat.Name) || matches.MatchString(stat.Cluster) {
			stats = append(stats, stat)
		}
	}
	slices.SortFunc(stats, func(a, b contract.Stat) int {
		return cmp.Or(cmp.Compare(a.Proxy, b.Proxy), cmp.Compare(a.Cluster, b.Cluster),
			cmp.Compare(a.Listener, b.Listener), cmp.Compare(a.Name, b.Name))
	})
	return stats, nil
}

// Dump is what istiod sends to the proxy of a sender, unchanged.
func (m *Mesh) Dump(from contract.Sender) (map[string]any, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	source, err := m.source(from)
	if err != nil {
		return nil, contract.Inputf("%v", err)
	}
	if source.Plain {
		return nil, contract.Inputf("that sender has no proxy")
	}
	cfg, err := m.pilot.Config(source.Proxy)
	if err != nil {
		return nil, err
	}
	var listeners, routes, clusters, endpoints []json.RawMessage
	add := func(to *[]json.RawMessage, message proto.Message) {
		if err != nil || message == nil {
			return
		}
		var data []byte
		data, err = protojson.Marshal(message)
		*to = append(*to, data)
	}
	for _, l := range cfg.Listeners {
		add(&listeners, l)
		for _, name := range core.ExtractRoutesFromListeners([]*listener.Listener{l}) {
			rc, failure := cfg.Route(l, name)
			if failure != nil {
				return nil, failure
			}
			if rc != nil {
				add(&routes, rc)
			}
		}
	}
	names := make([]string, 0, len(cfg.Clusters))
	for name := range cfg.Clusters {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		add(&clusters, cfg.Clusters[name])
		if cfg.Clusters[name].GetEdsClusterConfig() != nil {
			assignment, failure := cfg.Endpoints(name)
			if failure != nil {
				return nil, failure
			}
			add(&endpoints, assignment)
		}
	}
	return map[string]any{
		"proxy": source.Proxy.ID(), "version": pilot.ProxyVersion,
		"listeners": listeners, "routes": routes, "clusters": clusters, "endpoints": endpoints,
	}, err
}
