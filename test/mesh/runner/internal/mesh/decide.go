package mesh

import (
	"fmt"

	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/decide"
)

// Decide tells what would become of requests on their first hop, without sending them.
func (m *Mesh) Decide(requests []contract.Request) (*contract.Decided, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.decider == nil {
		m.decider = decide.New(m.planner.Empty(m.cluster.Load(), m.pilot), m.cluster.Load(), m.pilot)
	}
	decided := &contract.Decided{Decisions: []contract.Decision{}}
	for i := range requests {
		r := &requests[i]
		label := r.ID
		if label == "" {
			label = fmt.Sprint(i + 1)
		}
		source, err := m.check(r)
		if err != nil {
			return nil, contract.Inputf("request %s: %v", label, err)
		}
		decision, err := m.decider.Decide(source, *r)
		if err != nil {
			return nil, contract.Inputf("request %s: %v", label, err)
		}
		decided.Decisions = append(decided.Decisions, decision)
	}
	return decided, nil
}
