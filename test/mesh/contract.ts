// The JSON that goes into and comes out of the runner, as types. `runner/internal/contract` is the other side of it.

import type { GatewaySender as SimulatedGatewaySender, Labels, PodSender, WorkloadSender } from '../../src/simulate';

export type { Labels, WorkloadSender };

/** A pod that exists only to send. */
export type ClientSender = PodSender;

/** A client outside the mesh that calls a gateway. */
export interface GatewaySender extends SimulatedGatewaySender {
  /** The loopback address it calls from. @default - one of its own */
  readonly clientIp?: string;
}

/** Where a request comes from. A namespace that is not said is the mesh's default namespace. */
export type Sender = GatewaySender | ClientSender | WorkloadSender;

/** One HTTP request, by a client or by an application. */
export interface Call {
  /** The host that the connection goes to, and the Host header unless `headers` has one. */
  readonly host: string;
  /** @default 80 */
  readonly port?: number;
  /** @default 'GET' */
  readonly method?: string;
  /** Path with query. @default '/' */
  readonly path?: string;
  /** A list of values becomes several header lines. @default - none */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** @default - none */
  readonly body?: string;
  /**
   * Whether the caller speaks TLS to the host, as to https://, with the host as server name. Gateways that end TLS do so
   * then; requests without it they serve in plain text.
   * @default false
   */
  readonly tls?: boolean;
  /** The `credentialName` whose authority has signed the certificate that the caller shows. @default - it shows none */
  readonly clientCertificate?: string;
  /** Replaces what the application that answers calls; an empty list means nobody. @default - what `calls` of the mesh says */
  readonly next?: readonly Call[];
}

/** A call with a sender, sent any number of times. */
export interface MeshRequest extends Call {
  /** Comes back in the outcome. */
  readonly id?: string;
  readonly from: Sender;
  /** How often to send it. @default 1 */
  readonly repeat?: number;
  /** How many are under way at once. @default 1 */
  readonly concurrency?: number;
  /** A pause before the first one. @default 0 */
  readonly sleepMs?: number;
  /** A pause between one and the next. @default 0 */
  readonly intervalMs?: number;
  /** How long the client waits for an answer. @default 30000 */
  readonly timeoutMs?: number;
  /** Overrides behaviours for this request only; not `unhealthy` and `keepAliveMs`. @default - those of the mesh */
  readonly backends?: Backends;
  /** Bytes to send instead of method, path, headers and body. `host` and `port` still say where to. */
  readonly raw?: string | Uint8Array;
  /** How many answers to wait for after `raw`. @default 1 */
  readonly rawResponses?: number;
}

/** Behaviours by pod, Deployment or Service name, each also as `namespace/name`; the more specific name wins. */
export type Backends = Readonly<Record<string, Behaviour>>;

/** What an application does instead of simply answering 200. */
export interface Behaviour {
  /** @default 200 */
  readonly status?: number;
  /** Waits before anything else. @default 0 */
  readonly delayMs?: number;
  /** @default - JSON that names workload and pod, and tells what came of its calls */
  readonly body?: string;
  /** Headers to add to the answer. @default - none */
  readonly headers?: Readonly<Record<string, string>>;
  /** Fails so many tries of each request. @default 0 */
  readonly failFirstN?: number;
  /** Fails so many tries altogether, since the behaviour was set. @default 0 */
  readonly failFirstRun?: number;
  /** Fails this share of tries, chosen at random: 0 to 1. @default 0 */
  readonly failRatio?: number;
  /** What a failing try answers. @default 503 */
  readonly failStatus?: number;
  /** What a failing try waits, beside `delayMs`. @default 0 */
  readonly failDelayMs?: number;
  /** Resets the connection instead of answering: every try, or, with one of the fail options, failing ones. @default false */
  readonly reset?: boolean;
  /** Closes connections that were idle for so long, without a word. @default - never */
  readonly keepAliveMs?: number;
  /** Answers with the status of the first call that failed (400 and above; 502 if it got no answer). @default false */
  readonly relayErrors?: boolean;
  /** Makes the pods not ready, which Kubernetes tells everybody. @default false */
  readonly unhealthy?: boolean;
}

/** How to start a mesh. */
export interface MeshOptions {
  /** Where objects and senders without a namespace belong. @default 'default' */
  readonly namespace?: string;
  /** How applications behave. @default - all answer 200 */
  readonly backends?: Backends;
  /**
   * Whom applications call while they answer: by Deployment or Service name, also as `namespace/name`. The calls of a
   * Deployment replace those of its Service.
   * @default - nobody calls anybody
   */
  readonly calls?: Readonly<Record<string, readonly Call[]>>;
  /**
   * Request headers that applications pass on to whom they call; with a record, the value is what an application sends
   * when it got none.
   * @default - none
   */
  readonly propagate?: readonly string[] | Readonly<Record<string, string | null>>;
  /** Merged over Istio's default mesh configuration. @default - Istio's defaults */
  readonly meshConfig?: Readonly<Record<string, unknown>>;
  /** Mutual TLS between sidecars. Policies by principal or namespace need it. @default false */
  readonly mtls?: boolean;
  /** Starts the mesh even if Istio's webhook would refuse an object. @default false */
  readonly skipValidation?: boolean;
  /** Leaves out Envoy and the applications, which takes most of a start: nothing can be sent, only decided. @default false */
  readonly decideOnly?: boolean;
}

/** What became of a request and its repetitions. */
export interface Outcome {
  readonly id?: string;
  /** Answers by status; `'0'` stands for no answer. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Envoy's response flags at the sender's proxy; `''` stands for none. */
  readonly flags: Readonly<Record<string, number>>;
  /** Which workload answered, or else the failure, such as `503 NC`. */
  readonly distribution: Readonly<Record<string, number>>;
  /**
   * Chains of workloads, such as `a-v1 -> b-v2`. Several calls of one application stand in brackets; a call that no
   * application answered is written as `!503 UH`.
   */
  readonly paths: Readonly<Record<string, number>>;
  /** Which pod answered. */
  readonly pods: Readonly<Record<string, number>>;
  /** Shadow copies by the workload that got them. */
  readonly mirrors: Readonly<Record<string, number>>;
  /** Every single one, in the order they were sent. */
  readonly responses: readonly MeshResponse[];
}

/** What became of one request. */
export interface MeshResponse {
  /** 0 when there was no answer. */
  readonly status: number;
  /** Envoy's response flags and response code details at the sender's proxy. */
  readonly flags: string;
  readonly details: string;
  /** Who answered; empty when a proxy answered, or nobody. */
  readonly workload: string;
  readonly pod: string;
  /** The chain of workloads that served the request; see {@link Outcome.paths}. */
  readonly path: string;
  /** How often the last service of the chain was called for this one request. */
  readonly attempts: number;
  /** Workloads that got a shadow copy, of this request or of a further call. */
  readonly mirrors: readonly string[];
  readonly elapsedMs: number;
  /** Headers of the answer, by lower-case name; several values of one name are joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** Those names that came more than once. */
  readonly repeatedHeaders?: Readonly<Record<string, readonly string[]>>;
  readonly body: string;
  /** The name in the certificate that the caller was shown: a gateway's `credentialName`, or a host. */
  readonly certificate?: string;
  /** Why there was no answer, such as `connection refused` or `timeout`. */
  readonly error?: string;
  /** All calls that were made, each followed by those that followed from it; `hops[0]` is the client's own. */
  readonly hops: readonly Hop[];
  /** The answers to a raw request. */
  readonly raw?: readonly RawResponse[];
}

/** One call from one place of the mesh to another. */
export interface Hop {
  /** 0 for the client's own call, 1 for those of the application that answered it, and so on. */
  readonly depth: number;
  /** Whether the caller was handling a shadow copy. */
  readonly shadow?: boolean;
  /** The workload that called, or the kind of client. */
  readonly caller: string;
  readonly method: string;
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** What the caller got, 0 for no answer. */
  readonly status: number;
  readonly error?: string;
  /** What the caller's proxy logged. All empty when it has none, or the port carries no HTTP. */
  readonly flags: string;
  readonly details: string;
  readonly route: string;
  /** Istiod's name of the cluster, such as `outbound|80|v1|b.shop.svc.cluster.local`. */
  readonly cluster: string;
  /** Who answered; empty when a proxy answered, or nobody. */
  readonly workload: string;
  readonly pod: string;
  /** Request headers that the answering application saw (when a proxy answered: the last application called). */
  readonly headers: Readonly<Record<string, string>>;
  /** How often applications were called; when none was, how often the proxy tried. */
  readonly attempts: number;
  /** Arrivals at applications, retries included. */
  readonly hits: readonly Hit[];
  /** Arrivals of shadow copies. */
  readonly mirrors: readonly Hit[];
  /** What the proxies in front of the applications logged. */
  readonly inbound?: readonly InboundLog[];
}

/** One arrival of a request at an application. */
export interface Hit {
  readonly namespace: string;
  readonly workload: string;
  readonly pod: string;
  readonly port: number;
  readonly protocol: string;
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly repeatedHeaders?: Readonly<Record<string, readonly string[]>>;
  readonly trailers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** What is known of TLS that the application ended itself: the name asked for, and that in the caller's certificate. */
  readonly tls?: { readonly serverName: string; readonly certificate: string };
  /** What the application answered; 0 when it reset the connection or has not answered yet. */
  readonly status: number;
}

/** What the proxy of a destination logged about one arrival. */
export interface InboundLog {
  readonly pod: string;
  readonly status: number;
  readonly flags: string;
  readonly details: string;
}

/** One answer to a raw request. */
export interface RawResponse {
  readonly protocol: string;
  readonly status: number;
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly repeatedHeaders?: Readonly<Record<string, readonly string[]>>;
  readonly trailers?: Readonly<Record<string, string>>;
  readonly body: string;
  /** Whether the proxy closed the connection after this answer. */
  readonly closed: boolean;
}

/**
 * What the sender's proxy (or the gateway) would do with a request, read from what istiod configures it with: the first hop,
 * and whether those that it leads to would take it.
 */
export interface Decision {
  readonly id?: string;
  /**
   * - `route`: sends it to one of the destinations
   * - `redirect`, `answer`: answers it
   * - `none`: finds no route, 404
   * - `deny`: a gateway's own policy, 403
   * - `tcp`: passes on bytes, whatever they say
   * - `plain`: the sender has no proxy
   * - `refuse`: nothing listens
   */
  readonly action: 'route' | 'redirect' | 'answer' | 'none' | 'deny' | 'tcp' | 'plain' | 'refuse';
  /** Istiod's name of the listener that takes it. */
  readonly listener?: string;
  /** The name of the route configuration, of the virtual host in it and of the route that takes the request. */
  readonly routes?: string;
  readonly virtualHost?: string;
  readonly route?: string;
  /** `namespace/name` of the VirtualService that the route was made of. */
  readonly virtualService?: string;
  /** Of what the proxy itself answers. */
  readonly status?: number;
  readonly location?: string;
  readonly body?: string;
  /** Changes of the headers of what the proxy itself answers, in order. */
  readonly answerHeaders?: readonly DecidedChange[];
  /** Their probabilities add up to 1. */
  readonly destinations?: readonly DecidedDestination[];
  /** How long the proxy waits for the answer. Absent: for ever. */
  readonly timeoutMs?: number;
  /** Beside the first attempt; conditions may be statuses. Absent: no route said so. */
  readonly retries?: { readonly attempts: number; readonly on: readonly string[]; readonly perTryTimeoutMs?: number };
  readonly mirrors?: readonly DecidedMirror[];
  readonly fault?: DecidedFault;
}

/** One of the clusters that a request may be sent to. */
export interface DecidedDestination {
  /** Istiod's name of the cluster. */
  readonly cluster?: string;
  /** Whether the proxy has it; if not, it answers 503. */
  readonly known: boolean;
  readonly probability: number;
  readonly workloads: readonly DecidedShare[];
  /** A part of what DestinationRules say about the cluster, in Envoy's words; limits that are absent are none. */
  readonly policy?: DecidedPolicy;
  /** The request as the destination gets it, without what proxies add for themselves. */
  readonly sent?: { readonly authority: string; readonly path: string; readonly headers: Readonly<Record<string, readonly string[]>> };
  /** Changes of the answer's headers, in order. */
  readonly answerHeaders?: readonly DecidedChange[];
}

/** Copies of a request. */
export interface DecidedMirror {
  readonly cluster: string;
  readonly known: boolean;
  readonly percent: number;
  readonly workloads: readonly DecidedShare[];
}

/** A part of a cluster's policy. */
export interface DecidedPolicy {
  /** Such as `LEAST_REQUEST`. */
  readonly loadBalancer: string;
  readonly maxConnections?: number;
  readonly maxPendingRequests?: number;
  readonly consecutive5xx?: number;
}

/** A workload behind a cluster. */
export interface DecidedShare {
  /** Absent for hosts outside the mesh. */
  readonly namespace?: string;
  readonly workload: string;
  /** Ready pods: workloads share the requests by their number. */
  readonly pods: number;
  /** Whether the workload's own policies refuse the request. */
  readonly denied?: boolean;
}

/** One change of a header. */
export interface DecidedChange {
  readonly action: 'remove' | 'set' | 'add';
  readonly name: string;
  readonly value?: string;
}

/** Failures on purpose, in percent of the requests. */
export interface DecidedFault {
  readonly delayMs?: number;
  readonly delayPercent?: number;
  readonly abortStatus?: number;
  readonly abortGrpc?: number;
  readonly abortPercent?: number;
}

/** What is known of a mesh once it runs. */
export interface Started {
  /** Where this mesh differs from a real one, and what was left out. */
  readonly warnings: readonly string[];
  readonly workloads: readonly Workload[];
  readonly startMs: number;
}

/** A Deployment (StatefulSet, ...) of the manifests, or a gateway. */
export interface Workload {
  readonly namespace: string;
  readonly name: string;
  readonly pods: readonly string[];
  readonly sidecar: boolean;
}

/** One counter or gauge of Envoy. */
export interface Stat {
  /** `namespace/pod`; empty for what belongs to Envoy as a whole. */
  readonly proxy: string;
  /** Istiod's name of the cluster; empty for others. */
  readonly cluster: string;
  /** Istiod's name of the listener; empty for others. */
  readonly listener: string;
  /** The rest of the statistic's name, such as `upstream_rq_pending_overflow`. */
  readonly name: string;
  readonly value: number;
}

/** What Istio says about manifests, object by object. */
export interface Validation {
  /** Whether no object has an error. */
  readonly valid: boolean;
  /** Istio's objects, with and without findings. */
  readonly objects: readonly Verdict[];
  /** The other objects, as `Kind namespace/name`. */
  readonly skipped: readonly string[];
}

/** What Istio says about one object. */
export interface Verdict {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** The file, or `(text)`, `(objects)`. */
  readonly file: string;
  /** Counted from 1. */
  readonly document: number;
  /** Where the document begins, 0 if unknown. */
  readonly line: number;
  readonly errors: readonly Finding[];
  readonly warnings: readonly Finding[];
}

/** One message about an object. */
export interface Finding {
  /** `schema`: structure, unknown fields and CEL rules of the custom resource; `webhook`: istiod's own validation. */
  readonly source: 'schema' | 'webhook';
  readonly message: string;
}

/** What istioctl's analyzers say. */
export interface Analysis {
  readonly messages: readonly AnalysisMessage[];
  /** Analyzers that could not run for lack of their input. */
  readonly skippedAnalyzers: readonly string[];
}

/** One message of istioctl's analyzers. */
export interface AnalysisMessage {
  /** Such as `IST0101`. */
  readonly code: string;
  readonly level: 'Error' | 'Warning' | 'Info';
  /** The object, such as `VirtualService shop/reviews`. */
  readonly origin: string;
  readonly message: string;
  /** File and document of the object, or `(made of the manifests)` for pods and the like. */
  readonly reference: string;
}

/** What istiod sends to one proxy, as protobuf JSON. */
export interface Dump {
  readonly proxy: string;
  readonly version: string;
  readonly listeners: readonly Record<string, unknown>[] | null;
  readonly routes: readonly Record<string, unknown>[] | null;
  readonly clusters: readonly Record<string, unknown>[] | null;
  readonly endpoints: readonly Record<string, unknown>[] | null;
}

/** How to start a live mesh. */
export interface LiveMeshOptions {
  /** Where objects and the sender belong that have no namespace. @default 'default' */
  readonly namespace?: string;
  /** Whose proxy requests go through: a gateway's, or that of a client with a sidecar. */
  readonly from: GatewaySender | ClientSender;
  /** The port of the Service, or of the gateway's, that requests are for. */
  readonly port: number;
  /** Whether pods ask for the client certificates of Istio's mutual TLS. @default false */
  readonly mtls?: boolean;
  /** Merged over Istio's default mesh configuration. @default - Istio's defaults */
  readonly meshConfig?: Readonly<Record<string, unknown>>;
}

/** Requests that are sent while the mesh changes. */
export interface LiveLoad {
  /** The Host header. */
  readonly host: string;
  /** @default '/' */
  readonly path?: string;
  /** @default - none */
  readonly headers?: Readonly<Record<string, string>>;
  readonly count: number;
  /** How many are under way at once. @default 1 */
  readonly concurrency?: number;
  /** A pause between one and the next. @default 0 */
  readonly intervalMs?: number;
  /** What changes meanwhile, one after the other. @default - nothing */
  readonly steps?: readonly LiveStep[];
}

/** A change of a live mesh. */
export interface LiveStep {
  /** Comes when so many requests of the load were sent. @default 0 */
  readonly after?: number;
  /** A pause before it. @default 0 */
  readonly waitMs?: number;
  /** Pods by name, or all of a workload. @default - none */
  readonly pods?: Readonly<Record<string, LivePod>>;
  /** Objects of Istio's to create or replace, in their order. @default - none */
  readonly apply?: readonly object[];
  /** Objects of Istio's to remove, as `Kind namespace/name`, in their order. @default - none */
  readonly delete?: readonly string[];
}

/** What becomes of pods; what is not said stays as it is. */
export interface LivePod {
  /** Whether Kubernetes knows the pod. */
  readonly present?: boolean;
  /** Whether Kubernetes says it is ready. */
  readonly ready?: boolean;
  /** Whether its process is there. One that ends takes its connections with it. */
  readonly running?: boolean;
  /** What it answers. */
  readonly status?: number;
  /** How long it waits before that. */
  readonly delayMs?: number;
}

/** What became of one request of a load. */
export interface LiveAnswer {
  /** 0 when there was no answer. */
  readonly status: number;
  /** Who answered; empty when a proxy did, or nobody. */
  readonly workload: string;
  readonly pod: string;
  /** Headers of the answer, by lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** What a proxy answered in words, or why there was no answer. */
  readonly text?: string;
}
