package traffic

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"cdk8s-lanes/mesh-runner/internal/apps"
	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/plan"
)

// trace collects everything that belongs to one request: the calls that were made for it, where they arrived, and what
// proxies logged about them.
type trace struct {
	settings *apps.Settings

	mu      sync.Mutex
	changed *sync.Cond
	calls   map[string]*made
	hits    map[string][]*arrived // by the key of the call
	logs    map[string][]logLine
}

// made is a call that was made.
type made struct {
	key    string
	shadow bool
	caller string
	call   contract.Call
	// logged tells that the caller's proxy will log it.
	logged  bool
	status  int
	problem string
	// answer is the arrival that was answered, empty if a proxy answered or nobody.
	answer string
}

// arrived is an arrival at an application and what came of it.
type arrived struct {
	*apps.Arrival
	status   int
	children []string // keys of the calls it made
	sidecar  bool
}

// logLine is what a proxy logged about one request.
type logLine struct {
	listener *plan.Listener
	status   int
	flags    string
	details  string
	route    string
	cluster  string
	attempts int
}

func newTrace(settings *apps.Settings) *trace {
	t := &trace{
		settings: settings, calls: map[string]*made{}, hits: map[string][]*arrived{}, logs: map[string][]logLine{},
	}
	t.changed = sync.NewCond(&t.mu)
	return t
}

func (t *trace) made(m *made) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls[m.key] = m
}

// ended notes what the caller got.
func (t *trace) ended(key string, status int, answer, problem string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.calls[key]
	m.status, m.answer, m.problem = status, answer, problem
	if refused := m.call.TLS && status == 0; refused || problem == "canceled" || problem == "connection refused" {
		m.logged = false // it may never have got as far as the proxy
	}
}

func (t *trace) arrived(a *apps.Arrival, sidecar bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hits[a.Key] = append(t.hits[a.Key], &arrived{Arrival: a, sidecar: sidecar})
}

func (t *trace) answered(a *apps.Arrival, status int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if hit := t.find(a); hit != nil {
		hit.status = status
	}
}

func (t *trace) find(a *apps.Arrival) *arrived {
	for _, hit := range t.hits[a.Key] {
		if hit.Arrival == a {
			return hit
		}
	}
	return nil
}

// child registers a call of an application and gives it a key.
func (t *trace) child(a *apps.Arrival, index int, m *made) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	m.key = fmt.Sprintf("%s/%s.%d", a.Key, a.ID, index)
	if parent := t.calls[a.Key]; parent != nil {
		m.shadow = parent.shadow || a.Shadow
	}
	t.calls[m.key] = m
	if hit := t.find(a); hit != nil {
		hit.children = append(hit.children, m.key)
	}
	return m.key
}

func (t *trace) logged(key string, line logLine) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.logs[key] = append(t.logs[key], line)
	t.changed.Broadcast()
}

// call is the call with this key.
func (t *trace) call(key string) contract.Call {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m := t.calls[key]; m != nil {
		return m.call
	}
	return contract.Call{}
}

// Log lines come over another connection than answers, a moment later.
const (
	// logPatience is how long a line is waited for that will surely come.
	logPatience = 2 * time.Second
	// inboundPatience is how long lines of destinations are waited for; a try that the caller gave up may have none yet.
	inboundPatience = 100 * time.Millisecond
)

// settle waits until what the proxies logged is there. For a raw request nobody can tell whether a proxy will log it.
func (t *trace) settle(raw bool) {
	patience := logPatience
	if raw {
		patience = inboundPatience
	}
	t.wait(patience, func() bool {
		for key, m := range t.calls {
			if m.logged && !t.hasLog(key, false, 1) {
				return false
			}
		}
		return true
	})
	t.wait(inboundPatience, func() bool {
		for key, hits := range t.hits {
			expected := 0
			for _, hit := range hits {
				if hit.sidecar && !hit.Shadow && hit.Hit.TLS == nil { // what the application decrypts itself no proxy can log
					expected++
				}
			}
			if m := t.calls[key]; (m == nil || !m.shadow) && !t.hasLog(key, true, expected) {
				return false
			}
		}
		return true
	})
}

func (t *trace) hasLog(key string, inbound bool, count int) bool {
	for _, line := range t.logs[key] {
		if line.listener.Inbound == inbound {
			count--
		}
	}
	return count <= 0
}

// wait waits for a condition, which is called with the lock held.
func (t *trace) wait(patience time.Duration, done func() bool) {
	alarm := time.AfterFunc(patience, t.changed.Broadcast)
	defer alarm.Stop()
	end := time.Now().Add(patience)
	t.mu.Lock()
	defer t.mu.Unlock()
	for !done() && time.Now().Before(end) {
		t.changed.Wait()
	}
}

// root is the part of a key that names the request.
func root(key string) string {
	name, _, _ := strings.Cut(key, "/")
	return name
}
