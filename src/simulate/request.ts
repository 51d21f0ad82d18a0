/** Labels of a pod. */
export type Labels = Readonly<Record<string, string>>;

/** A client outside the mesh that calls the Service of gateway pods. */
export interface GatewaySender {
  /** Labels of the gateway pods, such as `{ istio: 'ingressgateway' }`. */
  readonly gateway: Labels;
}

/** A pod that only sends: a client that stands for many. */
export interface PodSender {
  /** Its namespace. @default 'default' */
  readonly namespace?: string;
  /** Its labels, which `sourceLabels`, Sidecars and DestinationRules with a workload selector look at. @default - none */
  readonly labels?: Labels;
  /** Its service account, which AuthorizationPolicies look at. @default 'default' */
  readonly serviceAccount?: string;
  /** Whether it has a sidecar. Without one no rule applies to it. @default - as its namespace says, where manifests describe it, else true */
  readonly sidecar?: boolean;
}

/** A Deployment (StatefulSet, ...) of the manifests. */
export interface WorkloadSender {
  /** Its namespace. @default 'default' */
  readonly namespace?: string;
  /** Its name. */
  readonly workload: string;
}

/** Who sends a request. */
export type Sender = GatewaySender | PodSender | WorkloadSender;

/** An HTTP request, and who sends it. */
export interface SimulatedRequest {
  readonly from: Sender;
  /** The host that the connection goes to, and the Host header unless `headers` has a `host`. */
  readonly host: string;
  /** The port that the connection goes to: the Service's. @default 80 */
  readonly port?: number;
  /** @default 'GET' */
  readonly method?: string;
  /** Path with query. @default '/' */
  readonly path?: string;
  /** Several values of one name are several header lines. @default - none */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Whether the client speaks TLS, as to https://. @default false */
  readonly tls?: boolean;
}
