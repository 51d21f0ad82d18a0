package cluster

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestInjection(t *testing.T) {
	type m = map[string]string
	for _, c := range []struct {
		name                           string
		namespace, labels, annotations m
		want                           bool
	}{
		{name: "a plain namespace", want: false},
		{name: "an enabled namespace", namespace: m{namespaceKey: "enabled"}, want: true},
		{name: "a namespace of a revision", namespace: m{revisionKey: "stable"}, want: true},
		{name: "a disabled namespace beats the revision", namespace: m{namespaceKey: "disabled", revisionKey: "stable"}, want: false},
		{name: "the annotation alone", annotations: m{injectKey: "true"}, want: false},
		{name: "the label alone", labels: m{injectKey: "true"}, want: true},
		{name: "the label in a disabled namespace", namespace: m{namespaceKey: "disabled"}, labels: m{injectKey: "true"}, want: false},
		{name: "opted out by label", namespace: m{namespaceKey: "enabled"}, labels: m{injectKey: "false"}, want: false},
		{name: "opted out by annotation", namespace: m{namespaceKey: "enabled"}, annotations: m{injectKey: "false"}, want: false},
		{name: "the label beats the annotation", namespace: m{namespaceKey: "enabled"}, labels: m{injectKey: "true"},
			annotations: m{injectKey: "false"}, want: true},
	} {
		pod := &corev1.Pod{}
		pod.Labels, pod.Annotations = c.labels, c.annotations
		if got := injected(pod, c.namespace); got != c.want {
			t.Errorf("%s: got %v", c.name, got)
		}
	}
}

func TestHostNetworkIsNeverInjected(t *testing.T) {
	pod := &corev1.Pod{Spec: corev1.PodSpec{HostNetwork: true}}
	if injected(pod, map[string]string{namespaceKey: "enabled"}) {
		t.Error("got a sidecar")
	}
}
