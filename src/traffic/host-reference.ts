/** One port of a host. */
export interface HostAtPort {
  readonly hostName: string;
  readonly port?: number;
}

/** What stands for a host, also where code without types leaves it out. */
export function hostProblem(host: unknown): string | undefined {
  return typeof (host as { hostName?: unknown } | undefined)?.hostName === 'string' ? undefined : 'must be a CanaryService or a MeshHost';
}
