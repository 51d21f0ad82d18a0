// Package apps are the applications in the pods: they answer, call onward, misbehave when told to, and report every
// arrival.
package apps

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/plan"
)

// Arrival is a request at an application, with what belongs to it.
type Arrival struct {
	Key    string
	ID     string
	Shadow bool
	Hit    contract.Hit
}

// World is what applications need to know.
type World interface {
	// Arrived is called when a request arrives.
	Arrived(a *Arrival)
	// Answered is called when its status is known.
	Answered(a *Arrival, status int)
	// Settings are what holds for the request with this key.
	Settings(key string) *Settings
	// Call makes a call from the application, under a key of its own.
	Call(ctx context.Context, from *plan.App, arrival *Arrival, index int, call contract.Call) CallResult
	// Calls are what the application calls while it answers this arrival.
	Calls(app *plan.App, arrival *Arrival) []contract.Call
}

// CallResult is what came of a call.
type CallResult struct {
	Status int
	Body   string
	Error  string
}

// Fleet is all applications that run.
type Fleet struct {
	world       World
	propagate   map[string]*string
	certificate func(host string) (*tls.Certificate, error)
	ids         atomic.Int64
	busy        atomic.Int64

	mu   sync.Mutex
	apps map[string]*server
}

// NewFleet makes an empty fleet, whose applications show these certificates.
func NewFleet(world World, propagate map[string]*string, certificate func(host string) (*tls.Certificate, error)) *Fleet {
	return &Fleet{world: world, propagate: propagate, certificate: certificate, apps: map[string]*server{}}
}

// server is one application's listener.
type server struct {
	fleet *Fleet
	app   atomic.Pointer[plan.App]
	http  *http.Server

	mu   sync.Mutex
	idle map[net.Conn]*time.Timer
}

// Set makes exactly these applications run.
func (f *Fleet) Set(apps map[string]*plan.App) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for address, running := range f.apps {
		if apps[address] == nil {
			go running.close()
			delete(f.apps, address)
		}
	}
	for address, app := range apps {
		if running := f.apps[address]; running != nil {
			running.app.Store(app)
			continue
		}
		listener, err := net.Listen("tcp", address)
		if errors.Is(err, syscall.EACCES) && app.Forward != nil {
			continue // only odd requests ever need this one
		}
		if errors.Is(err, syscall.EACCES) {
			return contract.Inputf("%s may not listen on port %d: ports below 1024 need root, or the system setting "+
				"net.ipv4.ip_unprivileged_port_start=0", name(app), app.Port)
		}
		if err != nil {
			return fmt.Errorf("%s cannot listen: %w", name(app), err)
		}
		s := &server{fleet: f, idle: map[net.Conn]*time.Timer{}}
		s.app.Store(app)
		// Proxies speak HTTP/1 or HTTP/2 with prior knowledge, as istiod says.
		s.http = &http.Server{
			Handler: s, ConnState: s.connection, Protocols: new(http.Protocols), ErrorLog: log.New(io.Discard, "", 0),
			ConnContext: func(ctx context.Context, c net.Conn) context.Context {
				return context.WithValue(ctx, connectionKey{}, c)
			},
		}
		s.http.Protocols.SetHTTP1(true)
		s.http.Protocols.SetUnencryptedHTTP2(true)
		f.apps[address] = s
		if app.Forward != nil {
			s.http.RegisterOnShutdown(func() { listener.Close() })
			go s.forward(listener)
			continue
		}
		go s.http.Serve(sniffing{Listener: listener, config: f.serverConfig(s)})
	}
	return nil
}

// connectionKey finds a request's connection.
type connectionKey struct{}

// close lets requests end that are under way, but not for ever.
func (s *server) close() {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		s.http.Close()
	}
}

const grace = 5 * time.Second

// Busy is how many requests applications have under way.
func (f *Fleet) Busy() int64 { return f.busy.Load() }

func name(app *plan.App) string {
	if app.Pod == nil {
		return "the stand-in for " + app.External
	}
	return app.Pod.ID()
}

// ServeHTTP answers one request.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.fleet.busy.Add(1)
	defer s.fleet.busy.Add(-1)
	app := s.app.Load()
	body, _ := io.ReadAll(r.Body)
	arrival := &Arrival{
		Key: r.Header.Get(contract.KeyHeader), ID: "h" + strconv.FormatInt(s.fleet.ids.Add(1), 10),
		Shadow: r.Header.Get(contract.ShadowHeader) != "", Hit: hit(app, r, string(body)),
	}
	s.fleet.world.Arrived(arrival)
	if strings.Count(arrival.Key, "/") >= maxDepth {
		http.Error(w, "calls go around in circles", http.StatusLoopDetected)
		s.fleet.world.Answered(arrival, http.StatusLoopDetected)
		return
	}
	settings := s.fleet.world.Settings(arrival.Key)
	behaviour, scope := settings.behaviour(app)
	verdict := settings.judge(behaviour, scope, arrival.Key)
	if !pause(r.Context(), verdict.delay) {
		return
	}
	if verdict.reset {
		reset(w)
		return
	}
	answer, failed := s.callOnward(r, arrival)
	status := verdict.status
	if failed != 0 && behaviour.RelayErrors && status == http.StatusOK {
		status = failed
	}
	s.answer(w, arrival, behaviour, status, answer)
}

// maxDepth is how long a chain of calls may become.
const maxDepth = 16

func hit(app *plan.App, r *http.Request, body string) contract.Hit {
	h := contract.Hit{
		Workload: app.External, Pod: app.External, Port: app.Port, Protocol: r.Proto,
		Method: r.Method, Path: r.RequestURI, Host: r.Host, Body: body,
	}
	if app.Pod != nil {
		h.Namespace, h.Workload, h.Pod = app.Pod.Namespace, app.Pod.Workload, app.Pod.Name
	}
	if connection, ok := r.Context().Value(connectionKey{}).(net.Conn); ok {
		h.TLS = encryption(connection)
	}
	h.Headers, h.RepeatedHeaders = contract.Report(r.Header)
	if len(r.Trailer) > 0 {
		h.Trailers, _ = contract.Report(r.Trailer)
	}
	return h
}

// pause waits; it tells whether the caller is still there afterwards.
func pause(ctx context.Context, delay time.Duration) bool {
	if delay == 0 {
		return true
	}
	select {
	case <-time.After(delay):
		return true
	case <-ctx.Done():
		return false
	}
}

// reset ends the connection with a TCP reset, or the HTTP/2 stream.
func reset(w http.ResponseWriter) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	connection, _, err := hijacker.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if sniffed, ok := connection.(*sniffed); ok {
		connection = sniffed.plain
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	connection.Close()
}

// callOnward makes the application's own calls, one after the other.
func (s *server) callOnward(r *http.Request, arrival *Arrival) (results []any, failed int) {
	app := s.app.Load()
	for i, call := range s.fleet.world.Calls(app, arrival) {
		headers := contract.Headers{}
		for name, fallback := range s.fleet.propagate {
			if values := r.Header.Values(name); len(values) > 0 {
				headers[name] = values
			} else if fallback != nil {
				headers[name] = []string{*fallback}
			}
		}
		for name, values := range call.Headers {
			headers[name] = values
		}
		call.Headers = headers
		result := s.fleet.world.Call(r.Context(), app, arrival, i, call)
		if failed == 0 && (result.Status >= 400 || result.Status == 0) {
			failed = max(result.Status, http.StatusBadGateway*btoi(result.Status == 0))
		}
		var body any = result.Body
		if json.Valid([]byte(result.Body)) {
			body = json.RawMessage(result.Body)
		}
		results = append(results, map[string]any{
			"host": call.Host, "status": result.Status, "body": body, "error": result.Error,
		})
	}
	return results, failed
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// answer writes the response.
func (s *server) answer(w http.ResponseWriter, arrival *Arrival, behaviour contract.Behaviour, status int, calls []any) {
	var body []byte
	if behaviour.Body != nil {
		body = []byte(*behaviour.Body)
	} else {
		w.Header().Set("Content-Type", "application/json")
		content := map[string]any{"workload": arrival.Hit.Workload, "pod": arrival.Hit.Pod}
		if len(calls) > 0 {
			content["calls"] = calls
		}
		body, _ = json.Marshal(content)
	}
	for name, value := range behaviour.Headers {
		w.Header().Set(name, value)
	}
	w.Header().Set(contract.AnswerHeader, arrival.ID)
	s.fleet.world.Answered(arrival, status)
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// connection closes idle connections when the behaviour says so.
func (s *server) connection(c net.Conn, state http.ConnState) {
	keepAlive := 0
	if state == http.StateIdle {
		behaviour, _ := s.fleet.world.Settings("").behaviour(s.app.Load())
		keepAlive = behaviour.KeepAliveMs
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if timer := s.idle[c]; timer != nil {
		timer.Stop()
		delete(s.idle, c)
	}
	if keepAlive > 0 {
		s.idle[c] = time.AfterFunc(time.Duration(keepAlive)*time.Millisecond, func() { c.Close() })
	}
}
