// Package certificates makes the throw-away authorities of a mesh and what they sign.
package certificates

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
	"net/url"
	"sync"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	transport "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	kube "cdk8s-lanes/mesh-runner/internal/cluster"
)

// Authority is a throw-away certificate authority.
type Authority struct {
	Name string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	root []byte

	mu     sync.Mutex
	issued map[string]*Issued
}

// Issued is a certificate with its key.
type Issued struct{ certificate, key []byte }

// NewAuthority makes one.
func NewAuthority(name string) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{Organization: []string{kube.Domain}, CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &Authority{Name: name, key: key, cert: cert, root: encode("CERTIFICATE", der), issued: map[string]*Issued{}}, nil
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// issue makes a certificate for a name, once.
func (a *Authority) issue(name string, subject x509.Certificate) (*Issued, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if known := a.issued[name]; known != nil {
		return known, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	subject.SerialNumber = big.NewInt(int64(len(a.issued)) + 2)
	subject.NotBefore, subject.NotAfter = a.cert.NotBefore, a.cert.NotAfter
	subject.KeyUsage = x509.KeyUsageDigitalSignature
	subject.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	der, err := x509.CreateCertificate(rand.Reader, &subject, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	result := &Issued{encode("CERTIFICATE", der), encode("EC PRIVATE KEY", keyDER)}
	a.issued[name] = result
	return result, nil
}

// Identity is a proxy's own certificate, with the identity that Istio gives its service account.
func (a *Authority) Identity(namespace, account string) (*Issued, error) {
	if account == "" {
		account = "default"
	}
	identity := &url.URL{Scheme: "spiffe", Host: kube.Domain, Path: fmt.Sprintf("/ns/%s/sa/%s", namespace, account)}
	return a.issue(identity.String(), x509.Certificate{URIs: []*url.URL{identity}})
}

// Named is a certificate that is called like this, and good for the host of that name.
func (a *Authority) Named(name string) (*Issued, error) {
	return a.issue(name, x509.Certificate{Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}})
}

// ForEnvoy is it as Envoy takes it.
func (i *Issued) ForEnvoy() *transport.TlsCertificate {
	return &transport.TlsCertificate{CertificateChain: inline(i.certificate), PrivateKey: inline(i.key)}
}

// ForGo is it as Go takes it.
func (i *Issued) ForGo() (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair(i.certificate, i.key)
	return &pair, err
}

func inline(data []byte) *core.DataSource {
	return &core.DataSource{Specifier: &core.DataSource_InlineBytes{InlineBytes: data}}
}

// Trusted tells Envoy to believe whom the authority has signed.
func (a *Authority) Trusted() *core.DataSource { return inline(a.root) }

// Server is how an application demands mutual TLS: only clients with a certificate of this authority.
func (a *Authority) Server(own *Issued) (*tls.Config, error) {
	pair, err := own.ForGo()
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &tls.Config{Certificates: []tls.Certificate{*pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}, nil
}
