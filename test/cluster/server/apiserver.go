package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// users are the contexts of the kubeconfig: one that may do everything, and one that RBAC gives nothing.
var users = map[string]string{"admin": "system:masters", "developer": "developers"}

type apiServer struct {
	port     int
	certs    string
	tokens   map[string]string
	loopback *rest.Config
	ended    chan error
}

func startAPIServer(ctx context.Context, dir, etcd string) (*apiServer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	// A listener of our own: nobody can take the port meanwhile.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := &apiServer{
		port:   listener.Addr().(*net.TCPAddr).Port,
		certs:  filepath.Join(dir, "certs"),
		tokens: map[string]string{},
		ended:  make(chan error, 1),
	}
	tokenFile, err := server.writeTokens(dir)
	if err != nil {
		return nil, err
	}
	key, err := writeKey(dir)
	if err != nil {
		return nil, err
	}
	o := options.NewServerRunOptions()
	flags := pflag.NewFlagSet("kube-apiserver", pflag.ContinueOnError)
	for _, set := range o.Flags().FlagSets {
		flags.AddFlagSet(set)
	}
	err = flags.Parse([]string{
		"--etcd-servers=" + etcd,
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1", // otherwise it looks for a default route
		"--secure-port=" + strconv.Itoa(server.port),
		"--cert-dir=" + server.certs,
		"--endpoint-reconciler-type=none", // the default one refuses loopback
		"--service-cluster-ip-range=10.96.0.0/16",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + key,
		"--service-account-signing-key-file=" + key,
		"--token-auth-file=" + tokenFile,
		"--authorization-mode=RBAC",
		"--anonymous-auth=false",
		"--disable-admission-plugins=ServiceAccount", // no controller here makes the account that it asks for
		"--profiling=false",
	})
	if err != nil {
		return nil, err
	}
	o.SecureServing.Listener = listener
	if err := server.serve(ctx, o); err != nil {
		return nil, fmt.Errorf("kube-apiserver does not start: %w", err)
	}
	return server, server.waitUntilReady(ctx)
}

func (s *apiServer) serve(ctx context.Context, o *options.ServerRunOptions) error {
	if err := o.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return err
	}
	if err := logsapi.ValidateAndApply(o.Logs, utilfeature.DefaultFeatureGate); err != nil {
		return err
	}
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	completed, err := o.Complete(ctx)
	if err != nil {
		return err
	}
	if errs := completed.Validate(); len(errs) > 0 {
		return utilerrors.NewAggregate(errs)
	}
	config, err := app.NewConfig(completed)
	if err != nil {
		return err
	}
	configured, err := config.Complete()
	if err != nil {
		return err
	}
	chain, err := app.CreateServerChain(configured)
	if err != nil {
		return err
	}
	s.loopback = chain.GenericAPIServer.LoopbackClientConfig
	prepared, err := chain.PrepareRun()
	if err != nil {
		return err
	}
	go func() {
		if err := prepared.Run(ctx); err != nil {
			s.ended <- err
			return
		}
		s.ended <- errors.New("without an error")
	}()
	return nil
}

func (s *apiServer) waitUntilReady(ctx context.Context) error {
	client, err := kubernetes.NewForConfig(s.loopback)
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		select {
		case err := <-s.ended:
			return err
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		if _, err := client.RESTClient().Get().AbsPath("/readyz").DoRaw(ctx); err == nil {
			return nil
		}
	}
	return errors.New("kube-apiserver was not ready within two minutes")
}

func (s *apiServer) writeTokens(dir string) (string, error) {
	var lines []string
	for user, group := range users {
		token := make([]byte, 16)
		if _, err := rand.Read(token); err != nil {
			return "", err
		}
		s.tokens[user] = hex.EncodeToString(token)
		lines = append(lines, fmt.Sprintf("%s,%s,%s,%q", s.tokens[user], user, user, group))
	}
	path := filepath.Join(dir, "tokens.csv")
	return path, os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600)
}

// writeKey makes the key that service account tokens are signed with.
func writeKey(dir string) (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	bytes, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "service-account.key")
	return path, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: bytes}), 0o600)
}

func (s *apiServer) writeKubeconfig(path string) error {
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{
		Server:               fmt.Sprintf("https://127.0.0.1:%d", s.port),
		CertificateAuthority: filepath.Join(s.certs, "apiserver.crt"), // holds the authority too
	}
	for user, token := range s.tokens {
		config.AuthInfos[user] = &clientcmdapi.AuthInfo{Token: token}
		config.Contexts[user] = &clientcmdapi.Context{Cluster: "test", AuthInfo: user}
	}
	config.CurrentContext = "admin"
	return clientcmd.WriteToFile(*config, path)
}
