package traffic

import (
	"testing"

	"cdk8s-lanes/mesh-runner/internal/apps"
	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/plan"
)

// chain is a trace in which client calls a, which is tried twice and calls b and c, and the proxy finds no c.
func chain() *trace {
	t := newTrace(nil)
	arrive := func(key, id, workload string, shadow bool) *apps.Arrival {
		a := &apps.Arrival{Key: key, ID: id, Shadow: shadow, Hit: contract.Hit{Workload: workload, Pod: workload + "-0"}}
		t.arrived(a, false)
		return a
	}
	out := &plan.Listener{Proxy: "shop/client"}
	t.made(&made{key: "1", caller: "client"})
	arrive("1", "h1", "a", false)
	arrive("1", "h9", "copy", true)
	second := arrive("1", "h2", "a", false)
	b := t.child(second, 0, &made{caller: "a"})
	c := t.child(second, 1, &made{caller: "a"})
	arrive(b, "h3", "b", false)
	t.ended(b, 200, "h3", "")
	t.logged(c, logLine{listener: out, status: 503, flags: "NC"})
	t.ended(c, 503, "", "")
	t.logged("1", logLine{listener: out, status: 200, attempts: 2, cluster: "outbound|80||a"})
	t.ended("1", 200, "h2", "")
	return t
}

func TestReport(t *testing.T) {
	var r contract.Response
	chain().report("1", &r)
	if want := "a -> [b, !503 NC]"; r.Path != want {
		t.Errorf("path is %q, want %q", r.Path, want)
	}
	if r.Workload != "a" || r.Pod != "a-0" {
		t.Errorf("answered by %s, %s", r.Workload, r.Pod)
	}
	if len(r.Mirrors) != 1 || r.Mirrors[0] != "copy" {
		t.Errorf("mirrors are %v", r.Mirrors)
	}
	if len(r.Hops) != 3 || r.Hops[0].Attempts != 2 || len(r.Hops[0].Mirrors) != 1 || r.Hops[2].Flags != "NC" || r.Hops[2].Depth != 1 {
		t.Errorf("hops are %+v", r.Hops)
	}
}

func TestSummary(t *testing.T) {
	o := summarise("x", []contract.Response{
		{Status: 200, Workload: "a", Pod: "a-0", Path: "a"},
		{Status: 503, Flags: "UH", Path: "!503 UH"},
		{Path: "!timeout"},
	})
	for name, got := range map[string]int{
		"a": o.Distribution["a"], "503 UH": o.Distribution["503 UH"], "timeout": o.Distribution["timeout"],
		"status 0": o.Statuses["0"], "flag UH": o.Flags["UH"], "path": o.Paths["!503 UH"], "pod": o.Pods["a-0"],
	} {
		if got != 1 {
			t.Errorf("%s counts %d", name, got)
		}
	}
}
