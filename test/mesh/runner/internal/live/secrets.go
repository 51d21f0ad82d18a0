package live

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	secret "github.com/envoyproxy/go-control-plane/envoy/service/secret/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/anypb"

	cluster "cdk8s-lanes/mesh-runner/internal/cluster"
)

// authority is the throw-away certificate authority of the mesh.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	der  []byte
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{Organization: []string{cluster.Domain}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &authority{key: key, cert: cert, der: der}, err
}

// issue makes a certificate with the identity that Istio gives a service account.
func (a *authority) issue(namespace, account string) (*tls.Certificate, error) {
	if account == "" {
		account = "default"
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, NotBefore: a.cert.NotBefore, NotAfter: a.cert.NotAfter,
		URIs:        []*url.URL{{Scheme: "spiffe", Host: cluster.Domain, Path: fmt.Sprintf("/ns/%s/sa/%s", namespace, account)}},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// server is what pods demand: a client with a certificate of this mesh.
func (a *authority) server(own *tls.Certificate) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &tls.Config{Certificates: []tls.Certificate{*own}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
}

// secrets hands a proxy its certificate, as Istio's agent does.
type secrets struct {
	secret.UnimplementedSecretDiscoveryServiceServer
	known map[string]*tlsv3.Secret
}

// serveSecrets starts at a socket.
func serveSecrets(socket string, a *authority, own *tls.Certificate) (*grpc.Server, error) {
	key, err := x509.MarshalECPrivateKey(own.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		return nil, err
	}
	inline := func(kind string, der []byte) *core.DataSource {
		return &core.DataSource{Specifier: &core.DataSource_InlineBytes{InlineBytes: pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})}}
	}
	s := &secrets{known: map[string]*tlsv3.Secret{
		"default": {Name: "default", Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: &tlsv3.TlsCertificate{
			CertificateChain: inline("CERTIFICATE", own.Certificate[0]), PrivateKey: inline("EC PRIVATE KEY", key),
		}}},
		"ROOTCA": {Name: "ROOTCA", Type: &tlsv3.Secret_ValidationContext{ValidationContext: &tlsv3.CertificateValidationContext{
			TrustedCa: inline("CERTIFICATE", a.der),
		}}},
	}}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, err
	}
	server := grpc.NewServer()
	secret.RegisterSecretDiscoveryServiceServer(server, s)
	go server.Serve(listener)
	return server, nil
}

// StreamSecrets answers each first question; what follows are acknowledgements.
func (s *secrets) StreamSecrets(stream secret.SecretDiscoveryService_StreamSecretsServer) error {
	for {
		request, err := stream.Recv()
		if err != nil {
			return err
		}
		if request.ResponseNonce != "" {
			continue
		}
		response := &discovery.DiscoveryResponse{TypeUrl: request.TypeUrl, VersionInfo: "1", Nonce: "1"}
		for _, name := range request.ResourceNames {
			if known := s.known[name]; known != nil {
				packed, err := anypb.New(known)
				if err != nil {
					return err
				}
				response.Resources = append(response.Resources, packed)
			}
		}
		if err := stream.Send(response); err != nil {
			return err
		}
	}
}
