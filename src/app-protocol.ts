/** The protocols that Istio can tell from a Service's port. */
export enum AppProtocol {
  /** HTTP/1.1. */
  HTTP = 'http',
  /** HTTP/2 without TLS. */
  HTTP2 = 'http2',
  /** gRPC. */
  GRPC = 'grpc',
  /** gRPC for web pages. */
  GRPC_WEB = 'grpc-web',
  /** HTTP/2 with prior knowledge, by Kubernetes' own name. */
  H2C = 'kubernetes.io/h2c',
  /** HTTP inside TLS: the mesh cannot see headers, so lanes cannot be told apart. */
  HTTPS = 'https',
  /** TLS: as HTTPS. */
  TLS = 'tls',
  /** Anything: as HTTPS. */
  TCP = 'tcp',
  /** Nothing is written, and Istio guesses from the first bytes of each connection. */
  UNSPECIFIED = '',
}
