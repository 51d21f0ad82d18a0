package contract

import "encoding/json"

// LiveMesh starts a live mesh: one proxy that istiod feeds itself, while pods come and go.
type LiveMesh struct {
	Manifests
	// Namespace is where objects and the sender belong that have none. Default: "default".
	Namespace string `json:"namespace,omitempty"`
	// From is whose proxy requests go through: a gateway, or a client with a sidecar.
	From Sender `json:"from"`
	// Port of the Service or gateway that requests are for.
	Port int `json:"port"`
	// MTLS makes pods ask for Istio's client certificates.
	MTLS bool `json:"mtls,omitempty"`
	// MeshConfig is merged over Istio's defaults.
	MeshConfig map[string]any `json:"meshConfig,omitempty"`
}

// LiveLoad is requests that are sent while the mesh changes.
type LiveLoad struct {
	Host    string            `json:"host"`
	Path    string            `json:"path,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	// Count says how many requests.
	Count int `json:"count"`
	// Concurrency says how many are under way at once. Default: 1.
	Concurrency int `json:"concurrency,omitempty"`
	// IntervalMs is a pause between one and the next. Default: none.
	IntervalMs int `json:"intervalMs,omitempty"`
	// Steps are taken one after the other, each when so many requests were sent.
	Steps []LiveStep `json:"steps,omitempty"`
}

// LiveStep is a change of the mesh.
type LiveStep struct {
	// After so many requests of the load.
	After int `json:"after,omitempty"`
	// WaitMs is a pause before the change.
	WaitMs int `json:"waitMs,omitempty"`
	// Pods by name, or all of a workload.
	Pods map[string]LivePod `json:"pods,omitempty"`
	// Apply creates or replaces Istio's objects, in their order.
	Apply []json.RawMessage `json:"apply,omitempty"`
	// Delete removes Istio's objects, as "Kind namespace/name", in their order.
	Delete []string `json:"delete,omitempty"`
}

// LivePod is what becomes of pods; what is not said stays.
type LivePod struct {
	// Present tells whether Kubernetes knows the pod.
	Present *bool `json:"present,omitempty"`
	// Ready tells whether Kubernetes says it is ready.
	Ready *bool `json:"ready,omitempty"`
	// Running tells whether its process is there. One that ends takes its connections with it.
	Running *bool `json:"running,omitempty"`
	// Status that it answers. Default: 200.
	Status *int `json:"status,omitempty"`
	// DelayMs that it waits before it answers.
	DelayMs *int `json:"delayMs,omitempty"`
}

// LiveAnswer is what became of one request.
type LiveAnswer struct {
	// Status is 0 when there was no answer.
	Status int `json:"status"`
	// Workload and Pod that answered; empty when a proxy did, or nobody.
	Workload string `json:"workload"`
	Pod      string `json:"pod"`
	// Headers of the answer, by lower-case name.
	Headers map[string]string `json:"headers"`
	// Text of an answer that came from no pod, or why there was none.
	Text string `json:"text,omitempty"`
}
