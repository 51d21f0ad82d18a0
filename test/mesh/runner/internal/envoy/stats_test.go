package envoy

import (
	"maps"
	"testing"
)

func TestParseStats(t *testing.T) {
	got := parseStats("cluster.c7.upstream_rq_total: 3\nhttp.l1.downstream_rq_time: No recorded values\nserver.uptime: 12\n\nnonsense\n")
	if want := map[string]uint64{"cluster.c7.upstream_rq_total": 3, "server.uptime": 12}; !maps.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}
