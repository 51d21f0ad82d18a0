// Command mesh-runner answers where requests go in an Istio mesh made of given manifests, by running istiod's own code
// and a real Envoy on this machine. See ../README.md for what goes in and comes out.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"cdk8s-lanes/mesh-runner/internal/cluster"
	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/judge"
	"cdk8s-lanes/mesh-runner/internal/manifests"
	"cdk8s-lanes/mesh-runner/internal/mesh"
	"cdk8s-lanes/mesh-runner/internal/quiet"
)

// Exit codes.
const (
	exitOK       = 0
	exitRejected = 1 // Istio rejects the manifests, or Envoy what istiod makes of them
	exitInput    = 2 // wrong usage or bad input
	exitInternal = 3 // a fault of this program
)

const usage = `usage: mesh-runner COMMAND [options] [MANIFESTS ...]

  serve      keep a mesh and take operations as JSON lines on standard input
  route      start a mesh, send the requests of a file, print the outcomes
  decide     what istiod's routes would do with the requests of a file, without sending them
  validate   what Istio's schemas and admission webhook say about each object
  analyze    what istioctl's analyzers say
  dump       what istiod sends to one proxy

MANIFESTS are YAML or JSON files, folders, or - for standard input.
`

// tools are the paths of what comes with the runner.
type tools struct {
	envoy string
	crds  string
}

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(args []string) (code int) {
	defer func() {
		if r := recover(); r != nil {
			code = fail(fmt.Errorf("%v\n%s", r, debug.Stack()))
		}
	}()
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return exitInput
	}
	var t tools
	var requests, from string
	var filesOnly bool
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(os.Stderr)
	flags.Usage = func() {
		fmt.Fprint(os.Stderr, usage, "\noptions of ", args[0], ":\n")
		flags.PrintDefaults()
	}
	flags.StringVar(&t.envoy, "envoy", besides("envoy"), "`path` of the Envoy program")
	flags.StringVar(&t.crds, "crds", besides("crds.yaml"), "`path` of Istio's custom resource definitions")
	command, ok := map[string]func() error{
		"serve":    func() error { return serve(t, os.Stdin, quiet.Out) },
		"route":    func() error { return route(t, requests, flags.Args()) },
		"decide":   func() error { return decide(t, requests, flags.Args()) },
		"validate": func() error { return printed(validate(contract.Manifests{Files: flags.Args()}, t)) },
		"analyze":  func() error { return printed(analyze(contract.Manifests{Files: flags.Args()}, filesOnly)) },
		"dump":     func() error { return dump(t, from, flags.Args()) },
	}[args[0]]
	if !ok {
		fmt.Fprintf(os.Stderr, "unknown command '%s'\n\n%s", args[0], usage)
		return exitInput
	}
	switch args[0] {
	case "analyze":
		flags.BoolVar(&filesOnly, "files-only", false, "see the manifests alone, as istioctl does without a cluster")
	case "route", "decide":
		flags.StringVar(&requests, "requests", "", "`file` with the requests as JSON")
	case "dump":
		flags.StringVar(&from, "from", "", "the sender as `JSON`, such as {\"namespace\":\"shop\"}")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return exitInput
	}
	if args[0] != "serve" && flags.NArg() == 0 {
		return fail(contract.Inputf("no manifests are given"))
	}
	if err := command(); err != nil {
		return fail(err)
	}
	return exitOK
}

// besides is a file in the folder of this program.
func besides(name string) string {
	program, err := os.Executable()
	if err != nil {
		return name
	}
	return filepath.Join(filepath.Dir(program), name)
}

// invalid ends validate when objects have errors: the output says which.
var invalid = errors.New("invalid")

// fail reports an error: as JSON on standard output, in words on standard error.
func fail(err error) int {
	if errors.Is(err, invalid) {
		return exitRejected
	}
	e := asError(err)
	_ = emit(map[string]any{"error": e})
	fmt.Fprintln(os.Stderr, e.Message)
	return exitCode(e)
}

func exitCode(e *contract.Error) int {
	switch e.Kind {
	case contract.KindInput:
		return exitInput
	case contract.KindRejected, contract.KindRefused:
		return exitRejected
	}
	return exitInternal
}

func asError(err error) *contract.Error {
	var known *contract.Error
	if errors.As(err, &known) {
		return known
	}
	return &contract.Error{Kind: contract.KindInternal, Message: err.Error()}
}

func emit(value any) error {
	encoder := json.NewEncoder(quiet.Out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

func printed(result any, err error) error {
	if result, ok := result.(*contract.Validation); ok && err == nil && !result.Valid {
		err = invalid
	}
	if err != nil && !errors.Is(err, invalid) {
		return err
	}
	if failure := emit(result); failure != nil {
		return failure
	}
	return err
}

// decode reads JSON and refuses fields that it does not know.
func decode(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return contract.Inputf("bad JSON: %v", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return contract.Inputf("bad JSON: there is something after its end")
	}
	return nil
}

// interruptible is a context that ends with the signals that end this program.
func interruptible() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}

const defaultNamespace = "default"

func validate(in contract.Manifests, t tools) (any, error) {
	objects, err := manifests.Load(in, defaultNamespace)
	if err != nil {
		return nil, err
	}
	result, err := judge.Validate(objects, t.crds)
	if err != nil {
		return nil, err
	}
	return result, nil
}

func analyze(in contract.Manifests, filesOnly bool) (any, error) {
	objects, err := manifests.Load(in, defaultNamespace)
	if err != nil {
		return nil, err
	}
	slot, err := cluster.TakeSlot()
	if err != nil {
		return nil, err
	}
	defer slot.Release()
	// Objects that cannot be decoded are the analyzers' to report.
	readable, err := cluster.Build(cluster.Readable(objects), cluster.Options{
		Slot: slot, Unhealthy: func(*cluster.Pod) bool { return false },
	})
	if err != nil {
		return nil, err
	}
	result, err := judge.Analyze(objects, readable, filesOnly)
	if err != nil {
		return nil, err
	}
	return result, nil
}

// routeFile is what "route" reads its requests from; a bare list of requests will do too.
type routeFile struct {
	contract.Mesh
	Requests []contract.Request `json:"requests"`
}

// requestsOf reads a file of requests, which says beside them what the mesh is like.
func requestsOf(command, requests string, files []string) (in routeFile, err error) {
	if requests == "" {
		return in, contract.Inputf("%s needs --requests FILE", command)
	}
	data, err := os.ReadFile(requests)
	if err != nil {
		return in, contract.Inputf("cannot read requests: %v", err)
	}
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		err = decode(data, &in.Requests)
	} else {
		err = decode(data, &in)
	}
	in.Files = append(files, in.Files...)
	return in, err
}

func route(t tools, requests string, files []string) error {
	in, err := requestsOf("route", requests, files)
	if err != nil {
		return err
	}
	ctx, cancel := interruptible()
	defer cancel()
	start := time.Now()
	m, err := mesh.Start(in.Mesh, t.envoy)
	if err != nil {
		return err
	}
	defer m.Stop()
	started := m.Started(start)
	sent, err := m.Send(ctx, in.Requests)
	if err != nil {
		return err
	}
	return emit(map[string]any{"started": started, "outcomes": sent.Outcomes, "warnings": sent.Warnings})
}

func decide(t tools, requests string, files []string) error {
	in, err := requestsOf("decide", requests, files)
	if err != nil {
		return err
	}
	in.DecideOnly = true
	m, err := mesh.Start(in.Mesh, t.envoy)
	if err != nil {
		return err
	}
	defer m.Stop()
	decided, err := m.Decide(in.Requests)
	if err != nil {
		return err
	}
	return emit(decided)
}

func dump(t tools, from string, files []string) error {
	var sender contract.Sender
	if from == "" {
		return contract.Inputf("dump needs --from JSON")
	}
	if err := decode([]byte(from), &sender); err != nil {
		return err
	}
	m, err := mesh.Start(contract.Mesh{Manifests: contract.Manifests{Files: files}}, t.envoy)
	if err != nil {
		return err
	}
	defer m.Stop()
	result, err := m.Dump(sender)
	if err != nil {
		return err
	}
	return emit(result)
}
