package contract

// Decision is what the sender's proxy (or the gateway) would do with a request, read from what istiod configures it with.
type Decision struct {
	ID string `json:"id,omitempty"`
	// Action is one of the constants below.
	Action string `json:"action"`
	// Listener is istiod's name of the one that takes the request.
	Listener string `json:"listener,omitempty"`
	// Routes is the name of the route configuration, VirtualHost and Route those of what took the request in it.
	Routes      string `json:"routes,omitempty"`
	VirtualHost string `json:"virtualHost,omitempty"`
	Route       string `json:"route,omitempty"`
	// VirtualService is "namespace/name" of the one that the route was made of.
	VirtualService string `json:"virtualService,omitempty"`
	// Status of what the proxy itself answers; 0 when something else answers or the connection is refused.
	Status int `json:"status,omitempty"`
	// Location of a redirect, Body of an answer.
	Location string `json:"location,omitempty"`
	Body     string `json:"body,omitempty"`
	// AnswerHeaders are the changes of the headers of what the proxy itself answers, in order.
	AnswerHeaders []HeaderChange `json:"answerHeaders,omitempty"`
	// Destinations have probabilities that add up to 1.
	Destinations []Destination `json:"destinations,omitempty"`
	// TimeoutMs is how long the proxy waits for the answer, 0 for ever.
	TimeoutMs int64    `json:"timeoutMs,omitempty"`
	Retries   *Retries `json:"retries,omitempty"`
	Mirrors   []Mirror `json:"mirrors,omitempty"`
	Fault     *Fault   `json:"fault,omitempty"`
}

// The actions of decisions.
const (
	// ActionRoute sends the request to one of the destinations.
	ActionRoute = "route"
	// ActionRedirect and ActionAnswer answer it.
	ActionRedirect = "redirect"
	ActionAnswer   = "answer"
	// ActionNone finds no route: 404.
	ActionNone = "none"
	// ActionDeny is a gateway's own policy: 403.
	ActionDeny = "deny"
	// ActionTCP passes on bytes, whatever they say.
	ActionTCP = "tcp"
	// ActionPlain is a sender without a proxy.
	ActionPlain = "plain"
	// ActionRefuse means that nothing listens.
	ActionRefuse = "refuse"
)

// Destination is one of those that a request may be sent to.
type Destination struct {
	// Cluster is istiod's name; Known tells that the proxy has it, without which the answer is 503.
	Cluster     string  `json:"cluster,omitempty"`
	Known       bool    `json:"known"`
	Probability float64 `json:"probability"`
	// Workloads share the requests by the number of their ready pods.
	Workloads []Share `json:"workloads"`
	// Policy is that of the cluster.
	Policy *Policy `json:"policy,omitempty"`
	// Sent is the request as the destination gets it.
	Sent *SentRequest `json:"sent,omitempty"`
	// AnswerHeaders are the changes of the answer's headers, in order.
	AnswerHeaders []HeaderChange `json:"answerHeaders,omitempty"`
}

// Policy is a part of what DestinationRules say about a cluster; 0 stands for no limit.
type Policy struct {
	// LoadBalancer is Envoy's name, such as LEAST_REQUEST.
	LoadBalancer       string `json:"loadBalancer"`
	MaxConnections     uint32 `json:"maxConnections,omitempty"`
	MaxPendingRequests uint32 `json:"maxPendingRequests,omitempty"`
	// Consecutive5xx is how many errors eject a pod, 0 for never.
	Consecutive5xx uint32 `json:"consecutive5xx,omitempty"`
}

// Share is a workload behind a destination.
type Share struct {
	// Namespace is empty for hosts outside the mesh.
	Namespace string `json:"namespace,omitempty"`
	Workload  string `json:"workload"`
	Pods      int    `json:"pods"`
	// Denied tells that the workload's own policies refuse the request.
	Denied bool `json:"denied,omitempty"`
}

// SentRequest is a request after all changes, without the headers that proxies add for themselves.
type SentRequest struct {
	Authority string              `json:"authority"`
	Path      string              `json:"path"`
	Headers   map[string][]string `json:"headers"`
}

// HeaderChange is one change of a header.
type HeaderChange struct {
	// Action is "remove", "set" or "add".
	Action string `json:"action"`
	Name   string `json:"name"`
	Value  string `json:"value,omitempty"`
}

// Retries is how often and when the proxy tries again.
type Retries struct {
	// Attempts beside the first one.
	Attempts int `json:"attempts"`
	// On has conditions, among them statuses.
	On              []string `json:"on"`
	PerTryTimeoutMs int64    `json:"perTryTimeoutMs,omitempty"`
}

// Mirror is a copy of the request.
type Mirror struct {
	Cluster   string  `json:"cluster"`
	Known     bool    `json:"known"`
	Percent   float64 `json:"percent"`
	Workloads []Share `json:"workloads"`
}

// Fault is a failure on purpose.
type Fault struct {
	DelayMs      int64   `json:"delayMs,omitempty"`
	DelayPercent float64 `json:"delayPercent,omitempty"`
	AbortStatus  int     `json:"abortStatus,omitempty"`
	AbortGRPC    int     `json:"abortGrpc,omitempty"`
	AbortPercent float64 `json:"abortPercent,omitempty"`
}

// Decided is the result of deciding.
type Decided struct {
	Decisions []Decision `json:"decisions"`
}
