package contract

// Outcome is what became of a request and its repetitions.
type Outcome struct {
	ID string `json:"id,omitempty"`
	// Statuses counts answers by status; "0" stands for no answer.
	Statuses map[string]int `json:"statuses"`
	// Flags counts Envoy's response flags, as the sender's proxy logged them; "" stands for none.
	Flags map[string]int `json:"flags"`
	// Distribution counts which workload answered, or else the failure, such as "503 NC".
	Distribution map[string]int `json:"distribution"`
	// Paths counts the chains of workloads, such as "a-v1 -> b-v2"; several calls of one application stand in
	// brackets, and a call that no application answered is written as "!503 UH".
	Paths map[string]int `json:"paths"`
	// Pods counts which pod answered.
	Pods map[string]int `json:"pods"`
	// Mirrors counts the shadow copies that workloads got.
	Mirrors map[string]int `json:"mirrors"`
	// Responses has every single one, in the order they were sent.
	Responses []Response `json:"responses"`
}

// Response is what became of one request.
type Response struct {
	// Status of the answer, 0 when there was none.
	Status int `json:"status"`
	// Flags and Details are Envoy's response flags and response code details at the sender's proxy.
	Flags   string `json:"flags"`
	Details string `json:"details"`
	// Workload and Pod that answered; empty when a proxy answered, or nobody.
	Workload string `json:"workload"`
	Pod      string `json:"pod"`
	// Path is the chain of workloads that served the request; see Outcome.Paths.
	Path string `json:"path"`
	// Attempts is how often the last service of the chain was called for this one request.
	Attempts int `json:"attempts"`
	// Mirrors are the workloads that got a shadow copy, of this request or of a further call.
	Mirrors []string `json:"mirrors"`
	// ElapsedMs is the time until the answer was there.
	ElapsedMs float64 `json:"elapsedMs"`
	// Headers and Body of the answer.
	Headers         map[string]string   `json:"headers"`
	RepeatedHeaders map[string][]string `json:"repeatedHeaders,omitempty"`
	Body            string              `json:"body"`
	// Certificate is the name in the certificate that the caller was shown: a gateway's credentialName, or a host.
	Certificate string `json:"certificate,omitempty"`
	// Error says why there was no answer, such as "connection refused".
	Error string `json:"error,omitempty"`
	// Hops are all calls that were made, each followed by those that its answering application made.
	Hops []Hop `json:"hops"`
	// Raw has the answers to a raw request.
	Raw []RawResponse `json:"raw,omitempty"`
}

// Hop is one call from one place of the mesh to another.
type Hop struct {
	// Depth is 0 for the client's own call, 1 for those of the application that answered it, and so on.
	Depth int `json:"depth"`
	// Shadow tells that the caller was handling a shadow copy.
	Shadow bool `json:"shadow,omitempty"`
	// Caller is the workload that called, or the kind of client.
	Caller string `json:"caller"`
	Method string `json:"method"`
	Host   string `json:"host"`
	Port   int    `json:"port"`
	Path   string `json:"path"`
	// Status that the caller got, 0 for none, and why there was none.
	Status int    `json:"status"`
	Error  string `json:"error,omitempty"`
	// What the caller's proxy logged: Envoy's response flags and details, the names of its route and cluster. Empty
	// when the caller has no proxy, or the port carries no HTTP.
	Flags   string `json:"flags"`
	Details string `json:"details"`
	Route   string `json:"route"`
	Cluster string `json:"cluster"`
	// Workload and Pod that answered; empty when a proxy answered, or nobody.
	Workload string `json:"workload"`
	Pod      string `json:"pod"`
	// Headers that the answering application saw (when a proxy answered: the last application that was called).
	Headers map[string]string `json:"headers"`
	// Attempts is how often applications were called; when none was, how often the proxy tried.
	Attempts int `json:"attempts"`
	// Hits are the arrivals at applications, retries included; Mirrors those of shadow copies.
	Hits    []Hit `json:"hits"`
	Mirrors []Hit `json:"mirrors"`
	// Inbound is what the proxies in front of the applications logged.
	Inbound []InboundLog `json:"inbound,omitempty"`
}

// Hit is one arrival of a request at an application.
type Hit struct {
	Namespace       string              `json:"namespace"`
	Workload        string              `json:"workload"`
	Pod             string              `json:"pod"`
	Port            int                 `json:"port"`
	Protocol        string              `json:"protocol"`
	Method          string              `json:"method"`
	Path            string              `json:"path"`
	Host            string              `json:"host"`
	Headers         map[string]string   `json:"headers"`
	RepeatedHeaders map[string][]string `json:"repeatedHeaders,omitempty"`
	Trailers        map[string]string   `json:"trailers,omitempty"`
	Body            string              `json:"body,omitempty"`
	// TLS tells of the connection that it came by, if that was encrypted.
	TLS *HitTLS `json:"tls,omitempty"`
	// Status that the application answered, 0 when it reset the connection or has not answered yet.
	Status int `json:"status"`
}

// HitTLS is what an application knows of TLS that it ends itself.
type HitTLS struct {
	// ServerName is the name that was asked for, empty for none.
	ServerName string `json:"serverName"`
	// Certificate is the name in the caller's certificate, empty for none.
	Certificate string `json:"certificate"`
}

// InboundLog is what the proxy of a destination logged about one arrival.
type InboundLog struct {
	Pod     string `json:"pod"`
	Status  int    `json:"status"`
	Flags   string `json:"flags"`
	Details string `json:"details"`
}

// RawResponse is one answer to a raw request.
type RawResponse struct {
	Protocol        string              `json:"protocol"`
	Status          int                 `json:"status"`
	Reason          string              `json:"reason"`
	Headers         map[string]string   `json:"headers"`
	RepeatedHeaders map[string][]string `json:"repeatedHeaders,omitempty"`
	Trailers        map[string]string   `json:"trailers,omitempty"`
	Body            string              `json:"body"`
	// Closed tells that the proxy closed the connection after this answer.
	Closed bool `json:"closed"`
}

// Started is what is known of a mesh once it runs.
type Started struct {
	// Warnings tell where this mesh differs from a real one, and what was left out.
	Warnings []string `json:"warnings"`
	// Workloads of the manifests and their pods.
	Workloads []Workload `json:"workloads"`
	// StartMs is how long the start took.
	StartMs float64 `json:"startMs"`
}

// Workload is a Deployment (StatefulSet, ...) of the manifests.
type Workload struct {
	Namespace string   `json:"namespace"`
	Name      string   `json:"name"`
	Pods      []string `json:"pods"`
	Sidecar   bool     `json:"sidecar"`
}

// Sent is the result of sending requests.
type Sent struct {
	Outcomes []Outcome `json:"outcomes"`
	// Warnings that were not reported before.
	Warnings []string `json:"warnings"`
}

// Stat is one counter or gauge of Envoy.
type Stat struct {
	// Proxy is "namespace/pod"; empty for what belongs to Envoy as a whole.
	Proxy string `json:"proxy"`
	// Cluster is istiod's name of the cluster, such as "outbound|80|v1|b.shop.svc.cluster.local"; empty for others.
	Cluster string `json:"cluster"`
	// Listener is istiod's name of the listener; empty for others.
	Listener string `json:"listener"`
	// Name is the rest of the statistic's name, such as "upstream_rq_pending_overflow".
	Name  string `json:"name"`
	Value uint64 `json:"value"`
}

// Verdict is what Istio says about one object.
type Verdict struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	Namespace  string    `json:"namespace"`
	Name       string    `json:"name"`
	File       string    `json:"file"`
	Document   int       `json:"document"`
	Line       int       `json:"line"`
	Errors     []Finding `json:"errors"`
	Warnings   []Finding `json:"warnings"`
}

// Finding is one message about an object.
type Finding struct {
	// Source is "schema" (structure of the custom resource definition, unknown fields, CEL) or "webhook" (istiod).
	Source  string `json:"source"`
	Message string `json:"message"`
}

// Validation is the result of validate.
type Validation struct {
	// Valid tells that no object has an error.
	Valid bool `json:"valid"`
	// Objects are Istio's objects among the manifests, with and without findings.
	Objects []Verdict `json:"objects"`
	// Skipped are the other objects, as "Kind namespace/name".
	Skipped []string `json:"skipped"`
}

// Analysis is the result of analyze.
type Analysis struct {
	Messages []Message `json:"messages"`
	// SkippedAnalyzers could not run for lack of their input.
	SkippedAnalyzers []string `json:"skippedAnalyzers"`
}

// Message is one message of istioctl's analyzers.
type Message struct {
	Code    string `json:"code"`
	Level   string `json:"level"`
	Origin  string `json:"origin"`
	Message string `json:"message"`
	// Reference is the file and document of the object, or "(made of the manifests)" for pods and the like.
	Reference string `json:"reference"`
}
