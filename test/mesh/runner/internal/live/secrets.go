package live

import (
	"net"

	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	secret "github.com/envoyproxy/go-control-plane/envoy/service/secret/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/anypb"

	"cdk8s-lanes/mesh-runner/internal/certificates"
)

// secrets hands a proxy its certificate, as Istio's agent does.
type secrets struct {
	secret.UnimplementedSecretDiscoveryServiceServer
	known map[string]*tlsv3.Secret
}

// serveSecrets starts at a socket.
func serveSecrets(socket string, a *certificates.Authority, own *certificates.Issued) (*grpc.Server, error) {
	s := &secrets{known: map[string]*tlsv3.Secret{
		"default": {Name: "default", Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: own.ForEnvoy()}},
		"ROOTCA": {Name: "ROOTCA", Type: &tlsv3.Secret_ValidationContext{ValidationContext: &tlsv3.CertificateValidationContext{
			TrustedCa: a.Trusted(),
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
