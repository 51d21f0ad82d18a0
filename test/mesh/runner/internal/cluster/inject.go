package cluster

import corev1 "k8s.io/api/core/v1"

const (
	injectKey    = "sidecar.istio.io/inject"
	namespaceKey = "istio-injection"
	revisionKey  = "istio.io/rev"
	templatesKey = "inject.istio.io/templates"
)

// ignored are the namespaces that the injector never touches.
var ignored = map[string]bool{"kube-system": true, "kube-public": true, "kube-node-lease": true, "local-path-storage": true}

// injected tells whether Istio's webhook, as the chart installs it, would give the pod a sidecar. The namespace decides
// whether the webhook is asked at all: the annotation alone does nothing in a namespace without the label.
func injected(pod *corev1.Pod, namespaceLabels map[string]string) bool {
	if pod.Spec.HostNetwork || ignored[pod.Namespace] {
		return false
	}
	label := pod.Labels[injectKey]
	if label == "false" {
		return false
	}
	byNamespace, hasInjection := namespaceLabels[namespaceKey]
	_, hasRevision := namespaceLabels[revisionKey]
	_, podRevision := pod.Labels[revisionKey]
	asked := byNamespace == "enabled" ||
		!hasInjection && hasRevision ||
		!hasInjection && !hasRevision && (label == "true" || podRevision)
	return asked && (label == "true" || pod.Annotations[injectKey] != "false")
}
