package plan

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/url"
	"slices"
	"time"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	tls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	kube "cdk8s-lanes/mesh-runner/internal/cluster"
	"cdk8s-lanes/mesh-runner/internal/pilot"
)

// authority is the throw-away certificate authority of a mesh with mutual TLS.
type authority struct {
	key    *ecdsa.PrivateKey
	cert   *x509.Certificate
	root   []byte
	issued map[string]*tls.TlsCertificate
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{Organization: []string{kube.Domain}},
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
	return &authority{key: key, cert: cert, root: encode("CERTIFICATE", der), issued: map[string]*tls.TlsCertificate{}}, nil
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// certificate is the proxy's own, with the identity that Istio gives its service account.
func (a *authority) certificate(p pilot.Proxy) (*tls.TlsCertificate, error) {
	account := p.ServiceAccount
	if account == "" {
		account = "default"
	}
	identity := &url.URL{Scheme: "spiffe", Host: kube.Domain, Path: fmt.Sprintf("/ns/%s/sa/%s", p.Namespace, account)}
	if known := a.issued[identity.String()]; known != nil {
		return known, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(len(a.issued)) + 2), URIs: []*url.URL{identity},
		NotBefore: a.cert.NotBefore, NotAfter: a.cert.NotAfter,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	result := &tls.TlsCertificate{
		CertificateChain: inline(encode("CERTIFICATE", der)), PrivateKey: inline(encode("EC PRIVATE KEY", keyDER)),
	}
	a.issued[identity.String()] = result
	return result, nil
}

func inline(data []byte) *core.DataSource {
	return &core.DataSource{Specifier: &core.DataSource_InlineBytes{InlineBytes: data}}
}

// fill puts certificates where istiod's configuration refers to secrets that an agent would serve.
func (a *authority) fill(c *tls.CommonTlsContext, p pilot.Proxy) error {
	own, err := a.certificate(p)
	if err != nil {
		return err
	}
	if len(c.GetTlsCertificateSdsSecretConfigs()) > 0 {
		c.TlsCertificateSdsSecretConfigs = nil
		c.TlsCertificates = []*tls.TlsCertificate{own}
	}
	var validation *tls.CertificateValidationContext
	switch v := c.GetValidationContextType().(type) {
	case *tls.CommonTlsContext_CombinedValidationContext:
		validation = v.CombinedValidationContext.GetDefaultValidationContext()
		if validation == nil {
			validation = &tls.CertificateValidationContext{}
		}
	case *tls.CommonTlsContext_ValidationContextSdsSecretConfig:
		validation = &tls.CertificateValidationContext{}
	default:
		return nil
	}
	validation.TrustedCa = inline(a.root)
	c.ValidationContextType = &tls.CommonTlsContext_ValidationContext{ValidationContext: validation}
	return nil
}

// upstream makes a cluster's TLS work, or takes it away when the mesh runs without.
func (p *Plan) upstream(c *cluster.Cluster, proxy pilot.Proxy, name string, http bool) error {
	if p.planner.authority == nil {
		if c.TransportSocket != nil {
			p.warn("%s: TLS to %s is left out: the mesh runs without mTLS", proxy.ID(), name)
		}
		c.TransportSocket, c.TransportSocketMatches = nil, nil
		return nil
	}
	sockets := []*core.TransportSocket{c.TransportSocket}
	for _, match := range c.TransportSocketMatches {
		sockets = append(sockets, match.TransportSocket)
	}
	for _, socket := range sockets {
		var context tls.UpstreamTlsContext
		if socket == nil || !socket.GetTypedConfig().MessageIs(&context) {
			continue
		}
		if err := socket.GetTypedConfig().UnmarshalTo(&context); err != nil {
			return err
		}
		if len(context.GetCommonTlsContext().GetTlsCertificateSdsSecretConfigs()) == 0 {
			// TLS to something outside the mesh, of which only a plain-text stand-in exists here.
			if c.TransportSocket == socket {
				p.warn("%s: TLS to %s is left out: hosts outside the mesh answer in plain text here", proxy.ID(), name)
				c.TransportSocket = nil
			}
			continue
		}
		if err := p.planner.authority.fill(context.CommonTlsContext, proxy); err != nil {
			return err
		}
		if http {
			// What Istio's own filter istio.alpn would do: tell the other side that this is HTTP.
			context.CommonTlsContext.AlpnProtocols = httpALPN(c)
		}
		if err := repack(socket, &context); err != nil {
			return err
		}
	}
	return nil
}

func repack(socket *core.TransportSocket, context proto.Message) error {
	packed, err := anypb.New(context)
	if err != nil {
		return err
	}
	socket.ConfigType = &core.TransportSocket_TypedConfig{TypedConfig: packed}
	return nil
}

// httpALPN is what istio.alpn offers for a request over the cluster's protocol.
func httpALPN(c *cluster.Cluster) []string {
	if http2Upstream(c) {
		return []string{"istio-h2", "istio", "h2"}
	}
	return []string{"istio-http/1.1", "istio", "http/1.1"}
}

// plainALPN are the protocols that the HTTP inspector finds in plain text, for those of Istio's mutual TLS.
var plainALPN = map[string]string{"istio-http/1.1": "http/1.1", "istio-h2": "h2c"}

// inboundChains chooses the filter chains of an inbound listener that can match on the port, and makes their TLS work
// or, without mTLS, lets the chain for plain text stand for both.
func (p *Plan) inboundChains(l *listener.Listener, port uint32, proxy pilot.Proxy) ([]*listener.FilterChain, error) {
	var chains, encrypted []*listener.FilterChain
	plain := false
	for _, chain := range l.FilterChains {
		match := chain.GetFilterChainMatch()
		if match.GetDestinationPort() != nil && match.GetDestinationPort().GetValue() != port {
			continue
		}
		own := match.GetDestinationPort() != nil
		switch {
		case p.planner.authority != nil:
			if err := p.downstream(chain, proxy); err != nil {
				return nil, err
			}
			chains = append(chains, chain)
		case match.GetTransportProtocol() != "tls":
			plain = plain || own
			chains = append(chains, chain)
		case own && chain.TransportSocket != nil:
			encrypted = append(encrypted, chain)
		}
	}
	if plain || len(encrypted) == 0 {
		return chains, nil
	}
	p.warn("%s: port %d takes only mutual TLS, which is not enforced: the mesh runs without mTLS", proxy.ID(), port)
	for _, chain := range encrypted {
		chain.TransportSocket = nil
		match := chain.FilterChainMatch
		match.TransportProtocol = ""
		var protocols []string
		for _, protocol := range match.ApplicationProtocols {
			if plain, ok := plainALPN[protocol]; ok && !slices.Contains(protocols, plain) {
				protocols = append(protocols, plain)
			}
		}
		match.ApplicationProtocols = protocols
	}
	return append(chains, encrypted...), nil
}

// downstream fills in the certificates of a filter chain.
func (p *Plan) downstream(chain *listener.FilterChain, proxy pilot.Proxy) error {
	var context tls.DownstreamTlsContext
	socket := chain.TransportSocket
	if socket == nil || !socket.GetTypedConfig().MessageIs(&context) {
		return nil
	}
	if err := socket.GetTypedConfig().UnmarshalTo(&context); err != nil {
		return err
	}
	if err := p.planner.authority.fill(context.CommonTlsContext, proxy); err != nil {
		return err
	}
	return repack(socket, &context)
}
