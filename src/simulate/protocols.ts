/*
 * What istiod takes a port to speak.
 *
 * Source: istio/pkg/config/kube/conversion.go, istio/pkg/config/protocol.
 */

/** A protocol, in groups as routing tells them apart. */
export enum PortProtocol {
  HTTP = 'HTTP',
  /** TLS that is passed on: routed by server name. */
  TLS = 'TLS',
  TCP = 'TCP',
  UDP = 'UDP',
  /** Not declared: Envoy finds out at each connection whether it is HTTP. */
  SNIFFED = 'sniffed',
}

const BY_NAME: Readonly<Record<string, PortProtocol>> = {
  'tcp': PortProtocol.TCP,
  'udp': PortProtocol.UDP,
  'grpc': PortProtocol.HTTP,
  'grpc-web': PortProtocol.HTTP,
  'http': PortProtocol.HTTP,
  'http_proxy': PortProtocol.HTTP,
  'http2': PortProtocol.HTTP,
  'https': PortProtocol.TLS,
  'tls': PortProtocol.TLS,
  'mongo': PortProtocol.TCP,
  'redis': PortProtocol.TCP,
  'mysql': PortProtocol.TCP,
};

const KUBERNETES_NAMES: Readonly<Record<string, PortProtocol>> = {
  'kubernetes.io/h2c': PortProtocol.HTTP,
  'kubernetes.io/ws': PortProtocol.HTTP,
  'kubernetes.io/wss': PortProtocol.TLS,
};

/** Servers that speak first (mail, DNS, MySQL, MongoDB) would wait for Envoy's guess. */
const NEVER_SNIFFED = [25, 53, 3306, 27017];

/** The protocol of a port of a ServiceEntry, Gateway or Sidecar: its name alone, without regard to case. */
export function protocolNamed(name: string): PortProtocol {
  return BY_NAME[name.toLowerCase()] ?? PortProtocol.SNIFFED;
}

/** The protocol of a Service's port: by `appProtocol`, else by the part of its name before the first dash. */
export function protocolOfServicePort(port: any): PortProtocol {
  if (port?.protocol === 'UDP') return PortProtocol.UDP;
  const name = String(port?.appProtocol ?? port?.name ?? '');
  if (port?.appProtocol !== undefined && KUBERNETES_NAMES[name]) return KUBERNETES_NAMES[name];
  if (/^grpc-web/i.test(name)) return PortProtocol.HTTP;
  const found = protocolNamed(name.split('-')[0]);
  return found === PortProtocol.SNIFFED && NEVER_SNIFFED.includes(port?.port) ? PortProtocol.TCP : found;
}

/** Whether HTTP rules can apply. */
export function mayBeHttp(protocol: PortProtocol): boolean {
  return protocol === PortProtocol.HTTP || protocol === PortProtocol.SNIFFED;
}
