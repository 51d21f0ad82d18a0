// Package contract holds the JSON that goes into and comes out of the runner. Names are camelCase everywhere; unknown
// fields are refused, so that a misspelt option is an error and not a silent default.
package contract

// Manifests says what the mesh is made of. All three parts may be used together; they are read in this order.
type Manifests struct {
	// Files are YAML or JSON files, or folders that are searched for them; "-" is standard input (not with serve).
	Files []string `json:"files,omitempty"`
	// YAML is the text of any number of documents.
	YAML string `json:"yaml,omitempty"`
	// Objects are manifests as plain objects.
	Objects []map[string]any `json:"objects,omitempty"`
}

// Mesh describes a mesh to start.
type Mesh struct {
	Manifests
	// Namespace is where objects without a namespace go. Default: "default".
	Namespace string `json:"namespace,omitempty"`
	// Backends says how applications behave: by pod, Deployment or Service name, each also as "namespace/name".
	Backends map[string]Behaviour `json:"backends,omitempty"`
	// Calls says whom applications call while they answer: by Deployment or Service name, also as "namespace/name".
	// The calls of a Deployment replace those of its Service.
	Calls map[string][]Call `json:"calls,omitempty"`
	// Propagate names the request headers that applications pass on to whom they call. The value is what an
	// application sends when it got none; null sends nothing then.
	Propagate map[string]*string `json:"propagate,omitempty"`
	// MeshConfig is merged over Istio's default mesh configuration.
	MeshConfig map[string]any `json:"meshConfig,omitempty"`
	// MTLS switches on mutual TLS between sidecars, with certificates of a throw-away authority.
	MTLS bool `json:"mtls,omitempty"`
	// SkipValidation starts the mesh even if Istio's webhook would refuse an object.
	SkipValidation bool `json:"skipValidation,omitempty"`
	// DecideOnly leaves out Envoy and the applications: nothing can be sent, only decided.
	DecideOnly bool `json:"decideOnly,omitempty"`
}

// Sender is where a request comes from: exactly one of a gateway, a workload of the manifests, or a client pod that
// exists only for this purpose.
type Sender struct {
	// Gateway is a client outside the mesh that calls the gateway pods with these labels.
	Gateway map[string]string `json:"gateway,omitempty"`
	// ClientIP is the loopback address such a client calls from. Default: one of its own.
	ClientIP string `json:"clientIp,omitempty"`
	// Namespace of the sending pod.
	Namespace string `json:"namespace,omitempty"`
	// Workload sends from the first pod of this Deployment (StatefulSet, ...) of the manifests.
	Workload string `json:"workload,omitempty"`
	// Labels of the client pod.
	Labels map[string]string `json:"labels,omitempty"`
	// ServiceAccount of the client pod. Default: "default".
	ServiceAccount string `json:"serviceAccount,omitempty"`
	// Sidecar is false for a client pod without a sidecar: only what Kubernetes does applies to it.
	Sidecar *bool `json:"sidecar,omitempty"`
}

// Call is one HTTP request, by a client or by an application.
type Call struct {
	// Host that the connection goes to, and the Host header unless Headers has one.
	Host string `json:"host,omitempty"`
	// Port. Default: 80.
	Port int `json:"port,omitempty"`
	// Method. Default: GET.
	Method string `json:"method,omitempty"`
	// Path with query. Default: "/".
	Path string `json:"path,omitempty"`
	// Headers to send; a list of values becomes several header lines.
	Headers Headers `json:"headers,omitempty"`
	// Body to send.
	Body string `json:"body,omitempty"`
	// TLS makes the caller speak TLS to the host, as to https://, with the host as server name. Gateways that end TLS do
	// so then; requests without it they serve in plain text.
	TLS bool `json:"tls,omitempty"`
	// ClientCertificate names the credentialName whose authority has signed the certificate that the caller shows.
	ClientCertificate string `json:"clientCertificate,omitempty"`
	// Next replaces what the application that answers calls. An empty list means: it calls nobody.
	Next *[]Call `json:"next,omitempty"`
}

// Request is a Call with a sender, sent any number of times.
type Request struct {
	Call
	ID   string `json:"id,omitempty"`
	From Sender `json:"from"`
	// Repeat says how often to send it. Default: 1.
	Repeat int `json:"repeat,omitempty"`
	// Concurrency says how many are under way at once. Default: 1.
	Concurrency int `json:"concurrency,omitempty"`
	// SleepMs is a pause before the first one.
	SleepMs int `json:"sleepMs,omitempty"`
	// IntervalMs is a pause between one and the next.
	IntervalMs int `json:"intervalMs,omitempty"`
	// TimeoutMs is how long the client waits for an answer. Default: 30000.
	TimeoutMs int `json:"timeoutMs,omitempty"`
	// Backends overrides behaviours for this request only ("unhealthy" cannot be: it is a state of the pod).
	Backends map[string]Behaviour `json:"backends,omitempty"`
	// Raw is sent byte for byte instead of method, path, headers and body.
	Raw string `json:"raw,omitempty"`
	// RawBase64 is Raw for bytes that are not text.
	RawBase64 string `json:"rawBase64,omitempty"`
	// RawResponses is how many answers to wait for. Default: 1.
	RawResponses int `json:"rawResponses,omitempty"`
}

// Behaviour is what an application does instead of simply answering 200.
type Behaviour struct {
	// Status to answer. Default: 200.
	Status int `json:"status,omitempty"`
	// DelayMs to wait before anything else.
	DelayMs int `json:"delayMs,omitempty"`
	// Body to answer. Default: JSON that names the workload and the pod, and tells what came of its calls.
	Body *string `json:"body,omitempty"`
	// Headers to add to the answer.
	Headers map[string]string `json:"headers,omitempty"`
	// FailFirstN fails so many tries of each request.
	FailFirstN int `json:"failFirstN,omitempty"`
	// FailFirstRun fails so many tries altogether, since the behaviour was set.
	FailFirstRun int `json:"failFirstRun,omitempty"`
	// FailRatio fails this share of tries, chosen at random: 0 to 1.
	FailRatio float64 `json:"failRatio,omitempty"`
	// FailStatus is what a failing try answers. Default: 503.
	FailStatus int `json:"failStatus,omitempty"`
	// FailDelayMs is what a failing try waits, beside DelayMs.
	FailDelayMs int `json:"failDelayMs,omitempty"`
	// Reset resets the connection instead of answering: every try, or, with one of the fail options, failing ones.
	Reset bool `json:"reset,omitempty"`
	// KeepAliveMs closes connections that were idle for so long, without a word, as many servers do.
	KeepAliveMs int `json:"keepAliveMs,omitempty"`
	// RelayErrors answers with the status of the first call that failed (400 and above, or no answer: 502).
	RelayErrors bool `json:"relayErrors,omitempty"`
	// Unhealthy makes the pods not ready, which Kubernetes tells everybody.
	Unhealthy bool `json:"unhealthy,omitempty"`
}
