package traffic

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cdk8s-lanes/mesh-runner/internal/contract"
)

// report turns a trace into hops, path, attempts and mirrors of a response.
func (t *trace) report(key string, response *contract.Response) {
	t.mu.Lock()
	defer t.mu.Unlock()
	response.Hops = []contract.Hop{}
	response.Mirrors = []string{}
	t.hops(key, 0, response)
	first := response.Hops[0]
	response.Flags, response.Details = first.Flags, first.Details
	response.Workload, response.Pod = first.Workload, first.Pod
	response.Path, response.Attempts = t.path(key)
}

// hops adds the call with this key and those that followed from it.
func (t *trace) hops(key string, depth int, response *contract.Response) {
	m := t.calls[key]
	hop := contract.Hop{
		Depth: depth, Shadow: m.shadow, Caller: m.caller,
		Method: m.call.Method, Host: m.call.Host, Port: m.call.Port, Path: m.call.Path,
		Status: m.status, Error: m.problem, Headers: map[string]string{}, Hits: []contract.Hit{}, Mirrors: []contract.Hit{},
	}
	for _, line := range t.logs[key] {
		if line.listener.Inbound {
			pod := line.listener.Proxy[strings.Index(line.listener.Proxy, "/")+1:]
			hop.Inbound = append(hop.Inbound, contract.InboundLog{Pod: pod, Status: line.status, Flags: line.flags, Details: line.details})
			continue
		}
		hop.Flags, hop.Details, hop.Route, hop.Cluster = line.flags, line.details, line.route, line.cluster
		hop.Attempts = line.attempts
	}
	var children []string
	for _, hit := range t.hits[key] {
		reported := hit.Hit
		reported.Status = hit.status
		children = append(children, hit.children...)
		if hit.Shadow && !m.shadow {
			hop.Mirrors = append(hop.Mirrors, reported)
			response.Mirrors = append(response.Mirrors, reported.Workload)
			continue
		}
		hop.Hits = append(hop.Hits, reported)
		if hop.Workload == "" {
			hop.Headers = reported.Headers
		}
		if hit.ID == m.answer {
			hop.Workload, hop.Pod = reported.Workload, reported.Pod
		}
	}
	if len(hop.Hits) > 0 {
		hop.Attempts = len(hop.Hits)
	}
	response.Hops = append(response.Hops, hop)
	for _, child := range children {
		t.hops(child, depth+1, response)
	}
}

// path writes the chain of those who answered, and counts how often the last one was called.
func (t *trace) path(key string) (path string, attempts int) {
	m := t.calls[key]
	for _, line := range t.logs[key] {
		if !line.listener.Inbound {
			attempts = line.attempts
		}
	}
	tries := 0
	var answering *arrived
	for _, hit := range t.hits[key] {
		if !hit.Shadow || m.shadow {
			tries++
		}
		if hit.ID == m.answer {
			answering = hit
		}
	}
	if tries > 0 {
		attempts = tries
	}
	if answering == nil {
		return "!" + t.failure(key), attempts
	}
	path = answering.Hit.Workload
	var parts []string
	for _, child := range answering.children {
		var part string
		part, attempts = t.path(child)
		parts = append(parts, part)
	}
	switch len(parts) {
	case 0:
		return path, attempts
	case 1:
		return path + " -> " + parts[0], attempts
	}
	return path + " -> [" + strings.Join(parts, ", ") + "]", attempts
}

// failure names what came instead of an application's answer, such as "503 UH".
func (t *trace) failure(key string) string {
	m := t.calls[key]
	if m.status == 0 && m.problem == "" {
		return "unfinished"
	}
	if m.status == 0 {
		return m.problem
	}
	failure := strconv.Itoa(m.status)
	for _, line := range t.logs[key] {
		if !line.listener.Inbound && line.flags != "" {
			failure += " " + line.flags
		}
	}
	return failure
}

// summarise counts what the responses have in common.
func summarise(id string, responses []contract.Response) contract.Outcome {
	o := contract.Outcome{
		ID: id, Statuses: map[string]int{}, Flags: map[string]int{}, Distribution: map[string]int{},
		Paths: map[string]int{}, Pods: map[string]int{}, Mirrors: map[string]int{}, Responses: responses,
	}
	for _, r := range responses {
		o.Statuses[strconv.Itoa(r.Status)]++
		o.Flags[r.Flags]++
		o.Paths[r.Path]++
		for _, workload := range r.Mirrors {
			o.Mirrors[workload]++
		}
		if r.Workload == "" {
			o.Distribution[strings.TrimPrefix(r.Path, "!")]++
			continue
		}
		o.Distribution[r.Workload]++
		o.Pods[r.Pod]++
	}
	return o
}

// problem turns an error of the client into few, stable words.
func problem(err error) string {
	text := err.Error()
	known := []struct{ part, words string }{
		{"connection refused", "connection refused"},
		{"deadline exceeded", "timeout"},
		{"Client.Timeout", "timeout"},
		{"i/o timeout", "timeout"},
		{"context canceled", "canceled"},
		{"connection reset", "connection reset"},
		{"broken pipe", "connection reset"},
		{"EOF", "connection closed"},
		{"server closed idle connection", "connection closed"},
	}
	index := slices.IndexFunc(known, func(k struct{ part, words string }) bool { return strings.Contains(text, k.part) })
	if index >= 0 {
		return known[index].words
	}
	return fmt.Sprintf("error: %s", text)
}
