package plan

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
	"cdk8s-lanes/mesh-runner/internal/pilot"
)

// authority is a throw-away certificate authority.
type authority struct {
	name string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	root []byte

	mu     sync.Mutex
	issued map[string]*issued
}

// issued is a certificate with its key.
type issued struct{ certificate, key []byte }

func newAuthority(name string) (*authority, error) {
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
	return &authority{name: name, key: key, cert: cert, root: encode("CERTIFICATE", der), issued: map[string]*issued{}}, nil
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// issue makes a certificate for a name, once.
func (a *authority) issue(name string, subject x509.Certificate) (*issued, error) {
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
	result := &issued{encode("CERTIFICATE", der), encode("EC PRIVATE KEY", keyDER)}
	a.issued[name] = result
	return result, nil
}

// identity is a proxy's own certificate, with the identity that Istio gives its service account.
func (a *authority) identity(p pilot.Proxy) (*issued, error) {
	account := p.ServiceAccount
	if account == "" {
		account = "default"
	}
	identity := &url.URL{Scheme: "spiffe", Host: kube.Domain, Path: fmt.Sprintf("/ns/%s/sa/%s", p.Namespace, account)}
	return a.issue(identity.String(), x509.Certificate{URIs: []*url.URL{identity}})
}

// named is a certificate that is called like this, and good for the host of that name.
func (a *authority) named(name string) (*issued, error) {
	return a.issue(name, x509.Certificate{Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}})
}

func (i *issued) forEnvoy() *transport.TlsCertificate {
	return &transport.TlsCertificate{CertificateChain: inline(i.certificate), PrivateKey: inline(i.key)}
}

func (i *issued) forGo() (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair(i.certificate, i.key)
	return &pair, err
}

func inline(data []byte) *core.DataSource {
	return &core.DataSource{Specifier: &core.DataSource_InlineBytes{InlineBytes: data}}
}

// Certificates are those outside the mesh: the secrets that credentialName names, and the certificates of hosts.
type Certificates struct {
	mu          sync.Mutex
	authorities map[string]*authority
}

// everybodys is the authority that the system trusts, and that certifies hosts outside the mesh.
const everybodys = "everybody's"

// authority is the one behind a secret: it has signed the certificate in it, and signs those of clients.
func (c *Certificates) authority(name string) (*authority, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.authorities[name] == nil {
		made, err := newAuthority(name)
		if err != nil {
			return nil, err
		}
		c.authorities[name] = made
	}
	return c.authorities[name], nil
}

// Host is the certificate of a host outside the mesh, or of an application that speaks TLS.
func (c *Certificates) Host(name string) (*tls.Certificate, error) { return c.pair(everybodys, name) }

// Client is a certificate for a client, of the authority in the secret of this name.
func (c *Certificates) Client(credential string) (*tls.Certificate, error) {
	return c.pair(credential, "a client with "+credential)
}

func (c *Certificates) pair(authority, name string) (*tls.Certificate, error) {
	signer, err := c.authority(authority)
	if err != nil {
		return nil, err
	}
	made, err := signer.named(name)
	if err != nil {
		return nil, err
	}
	return made.forGo()
}
