package plan

import (
	"slices"
	"strings"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	tls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"cdk8s-lanes/mesh-runner/internal/certificates"
	"cdk8s-lanes/mesh-runner/internal/pilot"
)

// fill puts certificates where istiod's configuration refers to secrets that an agent would serve.
func (p *Plan) fill(c *tls.CommonTlsContext, proxy pilot.Proxy) error {
	if configs := c.GetTlsCertificateSdsSecretConfigs(); len(configs) > 0 {
		c.TlsCertificateSdsSecretConfigs, c.TlsCertificates = nil, nil
		for _, config := range configs {
			certificate, err := p.certificate(config.GetName(), proxy)
			if err != nil {
				return err
			}
			c.TlsCertificates = append(c.TlsCertificates, certificate.ForEnvoy())
		}
	}
	var validation *tls.CertificateValidationContext
	var secret string
	switch v := c.GetValidationContextType().(type) {
	case *tls.CommonTlsContext_CombinedValidationContext:
		validation = v.CombinedValidationContext.GetDefaultValidationContext()
		secret = v.CombinedValidationContext.GetValidationContextSdsSecretConfig().GetName()
	case *tls.CommonTlsContext_ValidationContextSdsSecretConfig:
		secret = v.ValidationContextSdsSecretConfig.GetName()
	default:
		return nil
	}
	if validation == nil {
		validation = &tls.CertificateValidationContext{}
	}
	signer, err := p.signer(secret)
	if err != nil {
		return err
	}
	validation.TrustedCa = signer.Trusted()
	c.ValidationContextType = &tls.CommonTlsContext_ValidationContext{ValidationContext: validation}
	return nil
}

// Istio's names for what the mesh gives every proxy.
const (
	ownSecret  = "default"
	rootSecret = "ROOTCA"
)

func (p *Plan) certificate(secret string, proxy pilot.Proxy) (*certificates.Issued, error) {
	signer, err := p.signer(secret)
	if err != nil {
		return nil, err
	}
	if secret == ownSecret {
		return signer.Identity(proxy.Namespace, proxy.ServiceAccount)
	}
	return signer.Named(signer.Name)
}

// signer is the authority behind a secret: the mesh's, that of a credentialName, or for files the one that everybody
// trusts.
func (p *Plan) signer(secret string) (*certificates.Authority, error) {
	if own := secret == ownSecret || secret == rootSecret; own && p.planner.authority != nil {
		return p.planner.authority, nil
	}
	name, credential := strings.CutPrefix(secret, "kubernetes://")
	if !credential {
		name = everybodys
	}
	return p.planner.Certificates.authority(strings.TrimSuffix(name, "-cacert"))
}

// upstream makes a cluster's TLS work, or takes that of the mesh away when it runs without.
func (p *Plan) upstream(c *cluster.Cluster, proxy pilot.Proxy, name string, http bool) error {
	if p.planner.authority == nil {
		c.TransportSocketMatches = nil
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
		within := ofTheMesh(context.CommonTlsContext)
		if within && p.planner.authority == nil {
			p.warn("%s: TLS to %s is left out: the mesh runs without mTLS", proxy.ID(), name)
			c.TransportSocket = nil
			continue
		}
		if err := p.fill(context.CommonTlsContext, proxy); err != nil {
			return err
		}
		if within && http {
			// What Istio's own filter istio.alpn would do: tell the other side that this is HTTP.
			context.CommonTlsContext.AlpnProtocols = httpALPN(c)
		}
		if err := repack(socket, &context); err != nil {
			return err
		}
	}
	return nil
}

// ofTheMesh tells Istio's mutual TLS from TLS with somebody who is not in the mesh.
func ofTheMesh(c *tls.CommonTlsContext) bool {
	return slices.ContainsFunc(c.GetTlsCertificateSdsSecretConfigs(), func(config *tls.SdsSecretConfig) bool {
		return config.GetName() == ownSecret
	})
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
		case chain.TransportSocket == nil: // TLS that is the application's own
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
	if err := p.fill(context.CommonTlsContext, proxy); err != nil {
		return err
	}
	return repack(socket, &context)
}
