// Package envoy runs one Envoy process: it starts it, configures it while it runs, receives its access logs and reads
// its statistics.
package envoy

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	accesslog "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"

	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/quiet"
)

// configTimeout is how long Envoy may take to accept a configuration. It warms clusters and listeners in that time;
// what it refuses it says at once.
const configTimeout = 20 * time.Second

// Process is a running Envoy.
type Process struct {
	*Program
	folder  string
	control *control
	moved   time.Time // when endpoints changed last
}

// Start starts Envoy without any listener; Apply gives it some.
func Start(binary string, onLog func(*accesslog.StreamAccessLogsMessage_HTTPAccessLogEntries)) (*Process, error) {
	removeStale()
	folder, err := os.MkdirTemp("", fmt.Sprintf("mesh-%d-", os.Getpid()))
	if err != nil {
		return nil, err
	}
	p := &Process{folder: folder}
	if p.control, err = newControl(p.path("control"), onLog); err != nil {
		os.RemoveAll(folder)
		return nil, err
	}
	lost := func(why string) { p.control.lost(contract.Refusedf("%s", why)) }
	if p.Program, err = Launch(binary, folder, bootstrap(p.path("control"), p.path("admin")), lost); err != nil {
		p.control.server.Stop()
		os.RemoveAll(folder)
		return nil, err
	}
	return p, nil
}

// staleAge keeps removeStale away from folders that are just being made.
const staleAge = 10 * time.Minute

// removeStale removes the folders of runners that were killed.
func removeStale() {
	folders, _ := filepath.Glob(filepath.Join(os.TempDir(), "mesh-*-*"))
	for _, folder := range folders {
		var pid int
		if _, err := fmt.Sscanf(filepath.Base(folder), "mesh-%d-", &pid); err != nil {
			continue
		}
		info, err := os.Stat(folder)
		if err == nil && time.Since(info.ModTime()) > staleAge && syscall.Kill(pid, 0) == syscall.ESRCH {
			os.RemoveAll(folder)
		}
	}
}

func (p *Process) path(name string) string { return filepath.Join(p.folder, name) }

// mergeWindow is how long Envoy holds back a change of endpoints that follows another one.
const mergeWindow = time.Second

// Apply gives Envoy a configuration and returns when it is in force.
func (p *Process) Apply(resources Resources) error {
	if p.control.changesEndpoints(resources) {
		time.Sleep(time.Until(p.moved.Add(mergeWindow + 50*time.Millisecond)))
		defer func() { p.moved = time.Now() }()
	}
	previous := p.control.current()
	if err := p.control.apply(resources, configTimeout); err != nil {
		return err
	}
	if err := p.ready(); err != nil {
		p.control.restore(previous, configTimeout)
		return err
	}
	return nil
}

// ready waits until Envoy uses all that it has accepted.
func (p *Process) ready() error {
	end := time.Now().Add(configTimeout)
	pause := time.Millisecond
	for {
		// Envoy asks for routes when it warms the listeners: a refusal may come only now.
		if err := p.control.failed(); err != nil {
			return err
		}
		if p.Ready() {
			return p.control.failed()
		}
		if time.Now().After(end) {
			return contract.Refusedf("Envoy did not get ready; the last it said:\n%s", p.Said())
		}
		time.Sleep(pause)
		pause = min(2*pause, 20*time.Millisecond)
	}
}

func warm(stats string) bool {
	return strings.Contains(stats, "listener_manager.total_listeners_warming: 0") &&
		strings.Contains(stats, "listener_manager.workers_started: 1") &&
		strings.Contains(stats, "cluster_manager.warming_clusters: 0")
}

// Stop ends Envoy and removes its files.
func (p *Process) Stop() {
	p.Program.Stop()
	p.control.server.Stop()
	os.RemoveAll(p.folder)
}

// tail keeps the last part of what Envoy prints, and passes it on when debugging.
type tail struct {
	mu   sync.Mutex
	data []byte
}

const tailSize = 16 << 10

func (t *tail) Write(data []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if quiet.Debug {
		os.Stderr.Write(data)
	}
	t.data = append(t.data, data...)
	if len(t.data) > tailSize {
		t.data = bytes.Clone(t.data[len(t.data)-tailSize:])
	}
	return len(data), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.data))
}
