// Package traffic sends requests into the mesh and finds out what became of them.
package traffic

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	accesslogdata "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	accesslog "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"

	"cdk8s-lanes/mesh-runner/internal/apps"
	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/envoy"
	"cdk8s-lanes/mesh-runner/internal/plan"
)

// Traffic knows all requests that are under way.
type Traffic struct {
	planner *plan.Planner
	state   atomic.Pointer[state]
	turn    atomic.Int64
	keys    atomic.Int64

	mu         sync.Mutex
	traces     map[string]*trace
	transports map[string]*http.Transport
	// A raw request carries no key: while one is under way, what has none belongs to it.
	rawKey  string
	rawOnly sync.Mutex
}

// state is what changes when the mesh does.
type state struct {
	plan     *plan.Plan
	settings *apps.Settings
}

// New makes the traffic of a mesh.
func New(planner *plan.Planner) *Traffic {
	return &Traffic{planner: planner, traces: map[string]*trace{}, transports: map[string]*http.Transport{}}
}

// Use makes a plan and settings hold from now on.
func (t *Traffic) Use(p *plan.Plan, settings *apps.Settings) {
	t.state.Store(&state{plan: p, settings: settings})
}

// Mirrors tells that some route makes shadow copies.
func (t *Traffic) Mirrors() bool { return t.state.Load().plan.Mirrors }

// trace finds the trace that a key belongs to, and the key to use for it.
func (t *Traffic) trace(key string) (*trace, string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if key == "" {
		key = t.rawKey
	}
	return t.traces[root(key)], key
}

// Arrived implements apps.World.
func (t *Traffic) Arrived(a *apps.Arrival) {
	found, key := t.trace(a.Key)
	a.Key = key
	if found != nil {
		pod := t.state.Load().plan.Pod(a.Hit.Namespace, a.Hit.Pod)
		found.arrived(a, pod != nil && pod.Sidecar)
	}
}

// Answered implements apps.World.
func (t *Traffic) Answered(a *apps.Arrival, status int) {
	if found, _ := t.trace(a.Key); found != nil {
		found.answered(a, status)
	}
}

// Settings implements apps.World.
func (t *Traffic) Settings(key string) *apps.Settings {
	if found, _ := t.trace(key); found != nil {
		return found.settings
	}
	return t.state.Load().settings
}

// Calls implements apps.World.
func (t *Traffic) Calls(app *plan.App, a *apps.Arrival) []contract.Call {
	if app.Pod == nil {
		return nil
	}
	var override *[]contract.Call
	if found, _ := t.trace(a.Key); found != nil {
		override = found.call(a.Key).Next
	}
	return t.state.Load().plan.Calls(app.Pod, override)
}

// Call implements apps.World.
func (t *Traffic) Call(ctx context.Context, from *plan.App, a *apps.Arrival, index int, call contract.Call) apps.CallResult {
	found, _ := t.trace(a.Key)
	if found == nil {
		return apps.CallResult{Error: "the request that this belongs to has ended"}
	}
	source := plan.SourceOf(from.Pod)
	m := &made{caller: from.Pod.Workload, call: call}
	if way := t.state.Load().plan.Way(source, call.Host, call.Port, call.TLS); way != nil {
		m.logged = way.Logged && (!call.TLS || way.EndsTLS)
	}
	key := found.child(a, index, m)
	got := t.exchange(ctx, source, call, key)
	found.ended(key, got.status, got.header.Get(contract.AnswerHeader), got.problem)
	return apps.CallResult{Status: got.status, Body: got.body, Error: got.problem}
}

// Logged takes what Envoy logs.
func (t *Traffic) Logged(logs *accesslog.StreamAccessLogsMessage_HTTPAccessLogEntries) {
	for _, entry := range logs.LogEntry {
		common := entry.GetCommonProperties()
		tags := common.GetCustomTags()
		found, key := t.trace(tag(tags, envoy.TagKey))
		listener := t.planner.Listener(tag(tags, envoy.TagListener))
		if found == nil || listener == nil {
			continue
		}
		found.logged(key, t.line(entry, listener, tag(tags, envoy.TagFlags)))
	}
}

func (t *Traffic) line(entry *accesslogdata.HTTPAccessLogEntry, listener *plan.Listener, flags string) logLine {
	common := entry.GetCommonProperties()
	line := logLine{
		listener: listener, flags: flags,
		status: int(entry.GetResponse().GetResponseCode().GetValue()), details: entry.GetResponse().GetResponseCodeDetails(),
		route: common.GetRouteName(), attempts: int(common.GetUpstreamRequestAttemptCount()),
	}
	line.cluster = plan.OriginalCluster(common.GetUpstreamCluster())
	return line
}

// tag is the value of a log line's tag; Envoy writes "-" for none.
func tag(tags map[string]string, name string) string {
	if value := tags[name]; value != "-" {
		return value
	}
	return ""
}

// Send sends a request as often as it says, and tells what became of it. The pause after the last answer lets shadow
// copies arrive, which nobody waits for in a mesh.
func (t *Traffic) Send(ctx context.Context, r contract.Request, from plan.Source, caller string, quiet func()) (contract.Outcome, error) {
	data, err := rawBytes(r)
	if err != nil {
		return contract.Outcome{}, err
	}
	settings := t.state.Load().settings.For(r.Backends)
	concurrency := max(r.Concurrency, 1)
	if data != nil {
		concurrency = 1
		t.rawOnly.Lock()
		defer t.rawOnly.Unlock()
	}
	if !sleep(ctx, r.SleepMs) {
		return contract.Outcome{}, ctx.Err()
	}
	responses := make([]contract.Response, max(r.Repeat, 1))
	keys := make([]string, len(responses))
	next := make(chan int)
	var group sync.WaitGroup
	for range concurrency {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := range next {
				keys[i] = fmt.Sprint(t.keys.Add(1))
				t.one(ctx, r, data, from, caller, settings, keys[i], &responses[i])
			}
		}()
	}
	for i := range responses {
		if i > 0 && !sleep(ctx, r.IntervalMs) {
			break
		}
		next <- i
	}
	close(next)
	group.Wait()
	defer t.forget(keys)
	if err := ctx.Err(); err != nil {
		return contract.Outcome{}, err
	}
	quiet()
	for i, key := range keys {
		found, _ := t.trace(key)
		found.settle(data != nil)
		found.report(key, &responses[i])
	}
	return summarise(r.ID, responses), nil
}

// one sends one request.
func (t *Traffic) one(ctx context.Context, r contract.Request, data []byte, from plan.Source, caller string,
	settings *apps.Settings, key string, response *contract.Response,
) {
	own := newTrace(settings)
	m := &made{key: key, caller: caller, call: r.Call}
	if way := t.state.Load().plan.Way(from, r.Host, r.Port, r.TLS); way != nil {
		m.logged = way.Logged && (!r.TLS || way.EndsTLS)
	}
	own.made(m)
	t.mu.Lock()
	t.traces[key] = own
	if data != nil {
		t.rawKey = key
	}
	t.mu.Unlock()

	timeout := 30 * time.Second
	if r.TimeoutMs > 0 {
		timeout = time.Duration(r.TimeoutMs) * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	start := time.Now()
	var got answer
	if data != nil {
		response.Raw, got = t.exchangeRaw(ctx, from, r, data)
	} else {
		got = t.exchange(ctx, from, r.Call, key)
	}
	response.ElapsedMs = float64(time.Since(start).Microseconds()) / 1000
	own.ended(key, got.status, got.header.Get(contract.AnswerHeader), got.problem)
	response.Status, response.Body, response.Error = got.status, got.body, got.problem
	response.Certificate = got.certificate
	response.Headers, response.RepeatedHeaders = contract.Report(got.header)
}

// forget drops traces; what still arrives for them is ignored.
func (t *Traffic) forget(keys []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rawKey = ""
	for _, key := range keys {
		delete(t.traces, key)
	}
}

func sleep(ctx context.Context, ms int) bool {
	if ms <= 0 {
		return true
	}
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
		return true
	case <-ctx.Done():
		return false
	}
}

// CallerName names a sender in reports.
func CallerName(s contract.Sender) string {
	switch {
	case s.Gateway != nil:
		return "client"
	case s.Workload != "":
		return s.Workload
	case s.Sidecar != nil && !*s.Sidecar:
		return strings.TrimSpace("client without sidecar in " + s.Namespace)
	}
	return "client in " + s.Namespace
}
