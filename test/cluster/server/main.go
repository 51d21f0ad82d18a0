// Command cluster is a Kubernetes API server for tests: the real kube-apiserver over a real etcd, both in this process, with
// the controllers that Deployments and Namespaces need and a kubelet that only pretends. It listens on loopback alone.
//
// It prints one line, {"kubeconfig": "..."}, when it is ready, and ends with its standard input.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	state := flag.String("state", "", "folder for everything that is written; it should be empty")
	flag.Parse()
	if *state == "" {
		fmt.Fprintln(os.Stderr, "cluster: --state is required")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // the test that started this has ended, in whatever way
		cancel()
	}()
	if err := run(ctx, *state); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, state string) error {
	etcd, endpoint, err := startEtcd(filepath.Join(state, "etcd"))
	if err != nil {
		return err
	}
	defer etcd.Close()
	server, err := startAPIServer(ctx, filepath.Join(state, "apiserver"), endpoint)
	if err != nil {
		return err
	}
	if err := startControllers(ctx, server.loopback); err != nil {
		return err
	}
	kubeconfig := filepath.Join(state, "kubeconfig")
	if err := server.writeKubeconfig(kubeconfig); err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]string{"kubeconfig": kubeconfig}); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil // nothing that is kept depends on an orderly end
	case err := <-server.ended:
		return fmt.Errorf("the API server has ended: %w", err)
	}
}
