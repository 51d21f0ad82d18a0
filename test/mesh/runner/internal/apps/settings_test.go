package apps

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	kube "cdk8s-lanes/mesh-runner/internal/cluster"
	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/plan"
)

var app = &plan.App{Pod: &kube.Pod{Namespace: "shop", Name: "a-v1-0", Workload: "a-v1", Object: &corev1.Pod{}}}

func settings(backends map[string]contract.Behaviour) *Settings {
	return NewSettings(backends, func(*plan.App) []string { return []string{"shop/a", "a"} })
}

func TestTheMoreSpecificNameWins(t *testing.T) {
	all := map[string]contract.Behaviour{"a": {Status: 1}, "a-v1": {Status: 2}, "a-v1-0": {Status: 3}}
	for _, want := range []int{3, 2, 1} {
		if got, _ := settings(all).behaviour(app); got.Status != want {
			t.Errorf("got %d, want %d", got.Status, want)
		}
		delete(all, map[int]string{3: "a-v1-0", 2: "a-v1"}[want])
	}
}

func tries(s *Settings, key string, count int) (statuses []int) {
	behaviour, scope := s.behaviour(app)
	for range count {
		statuses = append(statuses, s.judge(behaviour, scope, key).status)
	}
	return statuses
}

func TestFailFirstNCountsEachRequest(t *testing.T) {
	s := settings(map[string]contract.Behaviour{"a": {FailFirstN: 2, FailStatus: 500}})
	for _, key := range []string{"1", "2"} {
		if got := tries(s, key, 3); got[0] != 500 || got[1] != 500 || got[2] != 200 {
			t.Errorf("request %s: got %v", key, got)
		}
	}
}

func TestFailFirstRunCountsAll(t *testing.T) {
	s := settings(map[string]contract.Behaviour{"a": {FailFirstRun: 2}})
	if got := tries(s, "1", 3); got[0] != 503 || got[1] != 503 || got[2] != 200 {
		t.Errorf("got %v", got)
	}
	if got := tries(s, "2", 1); got[0] != 200 {
		t.Errorf("the next request got %v", got)
	}
}

func TestResetIsForFailuresIfThereAreAny(t *testing.T) {
	s := settings(nil)
	if !s.judge(contract.Behaviour{Reset: true}, "a", "1").reset {
		t.Error("without a fail option every try is reset")
	}
	b := contract.Behaviour{Reset: true, FailFirstN: 1}
	if first, second := s.judge(b, "a", "2").reset, s.judge(b, "a", "2").reset; !first || second {
		t.Errorf("got %v, %v", first, second)
	}
}

func TestOverridesHoldForOneRequestOnly(t *testing.T) {
	s := settings(map[string]contract.Behaviour{"a": {Status: 500}})
	derived := s.For(map[string]contract.Behaviour{"a-v1": {Status: 418}})
	if got, _ := derived.behaviour(app); got.Status != 418 {
		t.Errorf("got %d", got.Status)
	}
	if got, _ := s.behaviour(app); got.Status != 500 {
		t.Errorf("got %d", got.Status)
	}
}
