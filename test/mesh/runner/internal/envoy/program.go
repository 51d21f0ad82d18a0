package envoy

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	"google.golang.org/protobuf/proto"

	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/quiet"
)

// Program is an Envoy that runs. Its administration interface listens at the socket "admin" of its folder.
type Program struct {
	command *exec.Cmd
	exited  chan struct{}
	output  *tail
	admin   *http.Client
}

// Launch starts the process; lost is called when it ends. The kernel kills it when the thread that started it ends,
// hence also when this program does, however it does; so that thread must stay.
func Launch(binary, folder string, config *bootstrapv3.Bootstrap, lost func(why string)) (*Program, error) {
	data, err := proto.Marshal(config)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(folder, "bootstrap.pb")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return nil, err
	}
	level := "warn"
	if quiet.Debug {
		level = "info"
	}
	p := &Program{exited: make(chan struct{}), output: &tail{}, admin: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(folder, "admin"))
		},
	}}}
	p.command = exec.Command(binary, "-c", file, "--concurrency", "1", "--disable-hot-restart", "--log-level", level, "--drain-time-s", "1")
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
		lost(fmt.Sprintf("Envoy has stopped (%v):\n%s", p.command.ProcessState, p.output))
		close(p.exited)
	}()
	if err := <-started; err != nil {
		return nil, contract.Inputf("cannot start Envoy '%s': %v", binary, err)
	}
	return p, nil
}

// Ready tells whether Envoy uses all that it has accepted so far.
func (p *Program) Ready() bool {
	stats, err := p.get("/stats?filter=(total_listeners_warming|workers_started|warming_clusters)$")
	return err == nil && warm(stats)
}

// Gone is an error once the process has ended.
func (p *Program) Gone() error {
	select {
	case <-p.exited:
		return contract.Refusedf("Envoy has stopped (%v):\n%s", p.command.ProcessState, p.output)
	default:
		return nil
	}
}

// Said is the last part of what it printed.
func (p *Program) Said() string { return p.output.String() }

// get asks the administration interface.
func (p *Program) get(path string) (string, error) {
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

// Stop ends it.
func (p *Program) Stop() {
	_ = p.command.Process.Kill()
	<-p.exited
}
