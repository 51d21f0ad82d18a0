import { Labels } from './request';

/** An object of the manifests, as messages name it. */
export interface ObjectReference {
  readonly kind: string;
  /** Absent for objects that are in no namespace. */
  readonly namespace?: string;
  readonly name: string;
}

/** Header values by name in lower case, each in the order it was sent or added. */
export type HeaderValues = Readonly<Record<string, readonly string[]>>;

/** What became of one request: where its sender's proxy sends it, and why. */
export interface Outcome {
  /** The sender in words, such as `a client of gateway istio=ingressgateway` or `a pod in namespace shop`. */
  readonly sender: string;
  readonly method: string;
  /** The Host header. */
  readonly authority: string;
  readonly port: number;
  /** With query. */
  readonly path: string;
  /** What decided; absent when nothing listens, or no rule is there to decide. */
  readonly decision?: Decision;
  /** The failure that is injected before the request goes anywhere; an abort has a branch of its own, too. */
  readonly fault?: InjectedFault;
  /** Where requests like this one end, each part with its probability: together 1. */
  readonly branches: readonly Branch[];
  /** Copies that are sent too, while somebody answers. */
  readonly mirrors: readonly Mirror[];
  /** How long the proxy waits for the whole answer. Absent: for ever. */
  readonly timeoutMs?: number;
  /** Absent for what is never retried, since nothing is called. */
  readonly retries?: Retries;
  /** What the manifests have that could matter here and is not modelled: the outcome may be another. */
  readonly caveats: readonly Caveat[];
}

/** The rule that took the request. */
export interface Decision {
  /** istiod's name of the route configuration, such as `80` or `http.8080`. */
  readonly routes: string;
  /** Such as `cart.shop.svc.cluster.local:80`; absent when none takes the host. */
  readonly virtualHost?: string;
  /** The Gateway that opened the port for this host. */
  readonly gateway?: ObjectReference;
  /** The VirtualService that has the rule; absent for the route that every service has without one. */
  readonly virtualService?: ObjectReference;
  /** The VirtualService that delegates to it. */
  readonly delegatedBy?: ObjectReference;
  /** Where the rule stands in `spec.http`, from 0, and which entry of its `match` took the request. */
  readonly rule?: { readonly index: number; readonly name?: string; readonly match?: number };
  /** The route's name as access logs have it. */
  readonly route?: string;
  /** VirtualServices that name the host and have no say for it, with the reason. */
  readonly overruled: readonly { readonly object: ObjectReference; readonly reason: string }[];
}

/** Workloads that share what is sent to a destination. */
export interface WorkloadShare {
  readonly namespace: string;
  /** Of the Deployment (StatefulSet, ...), or the name of a host outside. */
  readonly workload: string;
  /** The `version` label. */
  readonly version?: string;
  readonly labels: Labels;
  /** Ready pods, as the manifests ask for them. */
  readonly pods: number;
  /** The part of the branch's requests that it gets, by number of pods: above 0, at most 1. */
  readonly share: number;
}

/** How a branch ends. */
export enum Ending {
  /** A workload answers. */
  SERVED = 'served',
  /** A host outside the mesh answers. */
  OUTSIDE = 'outside',
  /** The proxy redirects. */
  REDIRECTED = 'redirected',
  /** The proxy answers what a rule says. */
  ANSWERED = 'answered',
  /** The proxy answers with an error, or nobody answers. */
  FAILED = 'failed',
}

/** Whether it is a failure on purpose. */
export function isInjected({ flag }: Pick<Branch, 'flag'>): boolean {
  return flag !== undefined && flag.split(',').includes('FI');
}

/** One way that the request may go. */
export interface Branch {
  /** Above 0, at most 1. */
  readonly probability: number;
  readonly ending: Ending;
  /** What the client gets, if a proxy answers; 0 when the connection fails. Absent when an application answers. */
  readonly status?: number;
  /** Envoy's response flag, such as `NR`, `NC`, `UH`; absent for none. */
  readonly flag?: string;
  /** Why, in words. */
  readonly reason: string;
  /** The object that causes it. */
  readonly cause?: ObjectReference;
  /** Where to: absent when nothing is called. */
  readonly destination?: Destination;
  /** Who shares the requests; empty when nobody gets any. */
  readonly workloads: readonly WorkloadShare[];
  /** Who answers in their place when none of them is ready (`failoverPriority`); absent where nobody would. */
  readonly standby?: readonly WorkloadShare[];
  /** The request as the destination gets it. */
  readonly sent?: SentRequest;
  /** What the rule does to the answer's headers, in order. */
  readonly answerHeaders: readonly HeaderChange[];
  /** Where a redirect points to. */
  readonly location?: string;
  /** What a direct response says. */
  readonly body?: string;
}

/** A destination as istiod understands it. */
export interface Destination {
  /** istiod's name of the cluster, such as `outbound|80|v1|cart.shop.svc.cluster.local`. */
  readonly cluster: string;
  readonly host: string;
  readonly port: number;
  readonly subset?: string;
  /** The DestinationRules that say something about it. */
  readonly destinationRules: readonly ObjectReference[];
  /** The traffic policy in force, as DestinationRules write it. */
  readonly policy?: Readonly<Record<string, unknown>>;
  /** Whether the proxies speak mutual TLS. */
  readonly mutualTls?: boolean;
}

/** The request as it arrives. */
export interface SentRequest {
  readonly authority: string;
  readonly path: string;
  readonly headers: HeaderValues;
}

/** One change of a header. */
export interface HeaderChange {
  readonly action: 'set' | 'add' | 'remove';
  readonly name: string;
  readonly value?: string;
}

/** A copy of the request. */
export interface Mirror {
  /** Above 0, at most 100. */
  readonly percent: number;
  readonly destination: Destination;
  /** Who gets it; empty when it is lost. */
  readonly workloads: readonly WorkloadShare[];
  /** Why it is lost. */
  readonly lost?: string;
}

/** A failure on purpose. */
export interface InjectedFault {
  readonly delay?: { readonly ms: number; readonly percent: number };
  readonly abort?: { readonly status?: number; readonly grpcStatus?: string; readonly percent: number };
}

/** How often and when the proxy tries again. */
export interface Retries {
  /** Beside the first try. */
  readonly attempts: number;
  readonly on: readonly string[];
  readonly perTryTimeoutMs?: number;
}

/** The code of what is told of requests that gateway pods get, whose answer is not the end. */
export const GATEWAY_PODS = 'GatewayPods';

/** Something that is not modelled. */
export interface Caveat {
  /** Stays when the wording changes, such as `EnvoyFilter`. */
  readonly code: string;
  readonly message: string;
  readonly object?: ObjectReference;
}
