import { laneMatchers, Server } from './matchers';

export * from './matchers';
export * from './simulated-mesh';

declare global {
  namespace jest {
    interface Matchers<R, T = {}> {
      /** Every request is answered by this server. */
      toServe(server: Server): R;
      /** Requests are shared out by version (or Deployment) in these proportions. */
      toSplit(weights: Readonly<Record<string, number>>): R;
      /** Every request fails with this status and Envoy's response flag. */
      toFailWith(status: number, flag?: string): R;
      /** Every request is redirected there. */
      toRedirectTo(location: string): R;
      /** Copies go to this server too. */
      toMirrorTo(server: Server): R;
      /** The request and those it causes always take this way, such as `cart-v1 -> prices-main`. */
      toTakePath(path: string): R;
    }
  }
}

// Under jest `expect` is there; elsewhere the matchers can be added by hand.
(globalThis as any).expect?.extend?.(laneMatchers);
