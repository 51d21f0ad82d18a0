// Package envoy runs one Envoy process: it starts it, configures it while it runs, receives its access logs and reads
// its statistics.
package envoy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	accesslog "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
	"google.golang.org/protobuf/proto"

	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/quiet"
)

// configTimeout is how long Envoy may take to accept a configuration. It warms clusters and listeners in that time;
// what it refuses it says at once.
const configTimeout = 20 * time.Second

// Process is a running Envoy.
type Process struct {
	folder  string
	command *exec.Cmd
	exited  chan struct{}
	output  *tail
	control *control
	admin   *http.Client
	moved   time.Time // when endpoints changed last
}

// Start starts Envoy without any listener; Apply gives it some.
func Start(binary string, onLog func(*accesslog.StreamAccessLogsMessage_HTTPAccessLogEntries)) (*Process, error) {
	removeStale()
	folder, err := os.MkdirTemp("", fmt.Sprintf("mesh-%d-", os.Getpid()))
	if err != nil {
		return nil, err
	}
	p := &Process{folder: folder, exited: make(chan struct{}), output: &tail{}}
	if p.control, err = newControl(p.path("control"), onLog); err != nil {
		os.RemoveAll(folder)
		return nil, err
	}
	p.admin = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", p.path("admin"))
		},
	}}
	config, err := proto.Marshal(bootstrap(p.path("control"), p.path("admin")))
	if err == nil {
		err = os.WriteFile(p.path("bootstrap.pb"), config, 0o600)
	}
	if err == nil {
		err = p.run(binary)
	}
	if err != nil {
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

// run starts the process. The kernel kills it when the thread that started it ends, hence also when this program does,
// however it does; so that thread must stay.
func (p *Process) run(binary string) error {
	level := "warn"
	if quiet.Debug {
		level = "info"
	}
	p.command = exec.Command(binary, "-c", p.path("bootstrap.pb"), "--concurrency", "1", "--disable-hot-restart",
		"--log-level", level, "--drain-time-s", "1")
	p.command.Stderr = p.output
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := p.command.Start()
		started <- err
		if err != nil {
			return
		}
		_ = p.command.Wait() // how it ended is in ProcessState
		p.control.lost(contract.Refusedf("Envoy has stopped (%v):\n%s", p.command.ProcessState, p.output))
		close(p.exited)
	}()
	if err := <-started; err != nil {
		return contract.Inputf("cannot start Envoy '%s': %v", binary, err)
	}
	return nil
}

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
		stats, err := p.get("/stats?filter=(total_listeners_warming|workers_started|warming_clusters)$")
		if err == nil && warm(stats) {
			return p.control.failed()
		}
		if time.Now().After(end) {
			return contract.Refusedf("Envoy did not get ready; the last it said:\n%s", p.output)
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

// get asks Envoy's administration interface.
func (p *Process) get(path string) (string, error) {
	response, err := p.admin.Get("http://envoy" + path)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("Envoy answers %s: %s", response.Status, body)
	}
	return string(body), err
}

// Stop ends Envoy and removes its files.
func (p *Process) Stop() {
	_ = p.command.Process.Kill()
	<-p.exited
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
