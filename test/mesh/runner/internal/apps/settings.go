package apps

import (
	"maps"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/plan"
)

// Settings are the behaviours that hold for a request, and the counters that some of them need.
type Settings struct {
	backends map[string]contract.Behaviour
	services func(*plan.App) []string

	mu     sync.Mutex
	counts map[string]int
}

// NewSettings makes settings; services tells the names of the Services that an application belongs to.
func NewSettings(backends map[string]contract.Behaviour, services func(*plan.App) []string) *Settings {
	return &Settings{backends: backends, services: services, counts: map[string]int{}}
}

// For derives the settings of a request that overrides some.
func (s *Settings) For(overrides map[string]contract.Behaviour) *Settings {
	if len(overrides) == 0 {
		return s
	}
	merged := maps.Clone(s.backends)
	if merged == nil {
		merged = map[string]contract.Behaviour{}
	}
	maps.Copy(merged, overrides)
	return NewSettings(merged, s.services)
}

// behaviour finds what holds for an application and under which name: the pod's comes before its workload's, that
// before its Services'.
func (s *Settings) behaviour(app *plan.App) (contract.Behaviour, string) {
	for _, name := range s.names(app) {
		if behaviour, ok := s.backends[name]; ok {
			return behaviour, name
		}
	}
	return contract.Behaviour{}, ""
}

func (s *Settings) names(app *plan.App) []string {
	if app.Pod == nil {
		return []string{app.External}
	}
	return append(app.Pod.Names(), s.services(app)...)
}

// Unhealthy tells whether the application's pod is not ready.
func (s *Settings) Unhealthy(app *plan.App) bool {
	behaviour, _ := s.behaviour(app)
	return behaviour.Unhealthy
}

// verdict is what an application does with one try.
type verdict struct {
	status int
	reset  bool
	delay  time.Duration
}

// judge decides about one try of the request with this key.
func (s *Settings) judge(b contract.Behaviour, scope, key string) verdict {
	v := verdict{status: http.StatusOK, delay: time.Duration(b.DelayMs) * time.Millisecond}
	if b.Status != 0 {
		v.status = b.Status
	}
	choosy := b.FailFirstN > 0 || b.FailFirstRun > 0 || b.FailRatio > 0
	if !choosy {
		v.reset = b.Reset
		return v
	}
	s.mu.Lock()
	s.counts[scope+" "+key]++
	s.counts[scope]++
	fails := s.counts[scope+" "+key] <= b.FailFirstN || s.counts[scope] <= b.FailFirstRun
	s.mu.Unlock()
	if !fails && rand.Float64() >= b.FailRatio {
		return v
	}
	v.delay += time.Duration(b.FailDelayMs) * time.Millisecond
	v.reset = b.Reset
	v.status = http.StatusServiceUnavailable
	if b.FailStatus != 0 {
		v.status = b.FailStatus
	}
	return v
}
