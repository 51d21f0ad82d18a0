package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"time"

	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/live"
	"cdk8s-lanes/mesh-runner/internal/mesh"
)

// operation is one line of input.
type operation struct {
	ID json.RawMessage `json:"id"`
	Op string          `json:"op"`

	Mesh      *contract.Mesh                `json:"mesh,omitempty"`      // start
	Requests  []contract.Request            `json:"requests,omitempty"`  // send, decide
	Filter    string                        `json:"filter,omitempty"`    // stats
	Backends  map[string]contract.Behaviour `json:"backends,omitempty"`  // backends
	Manifests *contract.Manifests           `json:"manifests,omitempty"` // update, validate, analyze
	FilesOnly bool                          `json:"filesOnly,omitempty"` // analyze
	From      *contract.Sender              `json:"from,omitempty"`      // dump
	Live      *contract.LiveMesh            `json:"live,omitempty"`      // live
	Load      *contract.LiveLoad            `json:"load,omitempty"`      // load
	Change    *contract.LiveStep            `json:"change,omitempty"`    // change
}

// reply is one line of output.
type reply struct {
	ID     json.RawMessage `json:"id"`
	OK     bool            `json:"ok"`
	Result any             `json:"result,omitempty"`
	Error  *contract.Error `json:"error,omitempty"`
}

// server keeps one mesh at a time.
type server struct {
	tools tools
	ctx   context.Context

	output sync.Mutex
	writer *json.Encoder

	mu   sync.Mutex
	mesh *mesh.Mesh
	live *live.Mesh
}

// serve takes operations until standard input ends, a signal arrives, or it is told to stop. Operations run at the same
// time, so that a mesh can be changed while requests are under way; who wants an order waits for the replies.
func serve(t tools, in io.Reader, out io.Writer) error {
	ctx, cancel := interruptible()
	defer cancel()
	s := &server{tools: t, ctx: ctx, writer: json.NewEncoder(out)}
	s.writer.SetEscapeHTML(false)
	lines := make(chan []byte)
	go func() {
		defer close(lines)
		reader := bufio.NewReader(in)
		for {
			line, err := reader.ReadBytes('\n')
			if len(bytes.TrimSpace(line)) > 0 {
				lines <- line
			}
			if err != nil {
				return
			}
		}
	}()
	defer s.end()
	for {
		select {
		case <-ctx.Done():
			return nil
		case line, more := <-lines:
			if !more {
				return nil
			}
			var op operation
			if err := decode(line, &op); err != nil {
				s.reply(reply{ID: op.ID, Error: asError(err)})
				continue
			}
			if op.Op == "stop" {
				s.end()
				s.reply(reply{ID: op.ID, OK: true})
				return nil
			}
			go s.handle(op)
		}
	}
}

func (s *server) reply(r reply) {
	s.output.Lock()
	defer s.output.Unlock()
	// If nobody reads any more, standard input ends too.
	_ = s.writer.Encode(r)
}

func (s *server) handle(op operation) {
	result, err := s.do(op)
	if err != nil {
		s.reply(reply{ID: op.ID, Error: asError(err)})
		return
	}
	s.reply(reply{ID: op.ID, OK: true, Result: result})
}

func (s *server) do(op operation) (result any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v\n%s", r, debug.Stack())
		}
	}()
	switch op.Op {
	case "start":
		return s.start(op)
	case "validate", "analyze":
		if op.Manifests == nil {
			return nil, contract.Inputf("%s needs 'manifests'", op.Op)
		}
		if op.Op == "analyze" {
			return analyze(*op.Manifests, op.FilesOnly)
		}
		return validate(*op.Manifests, s.tools)
	case "live", "load", "change":
		return s.doLive(op)
	case "send", "decide", "stats", "backends", "update", "dump":
	default:
		return nil, contract.Inputf("unknown operation '%s'", op.Op)
	}
	s.mu.Lock()
	m := s.mesh
	s.mu.Unlock()
	if m == nil {
		return nil, contract.Inputf("%s needs a mesh: start one first", op.Op)
	}
	if (op.Op == "send" || op.Op == "stats" || op.Op == "backends") && !m.Complete() {
		return nil, contract.Inputf("%s needs a whole mesh: this one was started with 'decideOnly'", op.Op)
	}
	switch op.Op {
	case "decide":
		return m.Decide(op.Requests)
	case "send":
		return m.Send(s.ctx, op.Requests)
	case "stats":
		return m.Stats(op.Filter)
	case "backends":
		return nil, m.SetBackends(op.Backends)
	case "update":
		if op.Manifests == nil {
			return nil, contract.Inputf("update needs 'manifests'")
		}
		start := time.Now()
		if err := m.Update(*op.Manifests); err != nil {
			return nil, err
		}
		return m.Started(start), nil
	default:
		if op.From == nil {
			return nil, contract.Inputf("dump needs 'from'")
		}
		return m.Dump(*op.From)
	}
}

func (s *server) start(op operation) (any, error) {
	if op.Mesh == nil {
		return nil, contract.Inputf("start needs 'mesh'")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mesh != nil || s.live != nil {
		return nil, contract.Inputf("a mesh is running already; each runner has one")
	}
	start := time.Now()
	m, err := mesh.Start(*op.Mesh, s.tools.envoy)
	if err != nil {
		return nil, err
	}
	s.mesh = m
	return m.Started(start), nil
}

// doLive does what concerns a live mesh.
func (s *server) doLive(op operation) (any, error) {
	s.mu.Lock()
	m := s.live
	if op.Op == "live" {
		defer s.mu.Unlock()
		if op.Live == nil || m != nil || s.mesh != nil {
			return nil, contract.Inputf("live needs 'live', and a runner that has no mesh yet")
		}
		var err error
		s.live, err = live.Start(*op.Live, s.tools.envoy)
		return nil, err
	}
	s.mu.Unlock()
	switch {
	case m == nil:
		return nil, contract.Inputf("%s needs a live mesh: start one first", op.Op)
	case op.Op == "load" && op.Load != nil:
		return m.Load(s.ctx, *op.Load)
	case op.Op == "change" && op.Change != nil:
		return nil, m.Change(s.ctx, *op.Change)
	}
	return nil, contract.Inputf("%s needs '%s'", op.Op, op.Op)
}

// end stops the mesh, if there is one.
func (s *server) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mesh != nil {
		s.mesh.Stop()
		s.mesh = nil
	}
	if s.live != nil {
		s.live.Stop()
		s.live = nil
	}
}
