package envoy

import (
	"strconv"
	"strings"
)

// Stats are all counters and gauges that were ever used, by name.
func (p *Process) Stats() (map[string]uint64, error) {
	text, err := p.get("/stats?usedonly&histogram_buckets=none")
	if err != nil {
		return nil, err
	}
	return parseStats(text), nil
}

// Active is how many requests each cluster has under way, by the cluster's identity.
func (p *Process) Active() (map[string]uint64, error) {
	text, err := p.get("/stats?usedonly&filter=^cluster.*(upstream_rq_active|upstream_rq_pending_active)$")
	if err != nil {
		return nil, err
	}
	active := map[string]uint64{}
	for name, value := range parseStats(text) {
		active[strings.Split(name, ".")[1]] += value
	}
	return active, nil
}

// parseStats reads lines such as "cluster.c7.upstream_rq_total: 3"; histograms, whose values are no numbers, are left out.
func parseStats(text string) map[string]uint64 {
	stats := map[string]uint64{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok {
			continue
		}
		if number, err := strconv.ParseUint(value, 10, 64); err == nil {
			stats[name] = number
		}
	}
	return stats
}
