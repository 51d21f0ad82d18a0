import { Sender, SimulatedRequest } from './request';
import { InvalidInput, shown } from '../errors';

/*
 * What a request must hold before anybody looks into it: tests in JavaScript, and files, hand over anything.
 */

/** @throws InvalidInput for what is no host */
export function demandHost(host: unknown): void {
  if (typeof host === 'string' && host.trim() !== '' && !/[\s/]/.test(host)) return;
  throw new InvalidInput('RequestHost', `'host' must name the host that the request goes to, got ${shown(host)}; for example cart.shop`);
}

/** @throws InvalidInput for what is no sender */
export function demandSender(from: unknown): asserts from is Sender {
  const example = "for example { namespace: 'shop' } or { gateway: { istio: 'ingressgateway' } }";
  if (!isObject(from)) throw new InvalidInput('SenderUnknown', `'from' must say who sends, got ${shown(from)}; ${example}`);
  if ('gateway' in from && !isObject(from.gateway)) {
    throw new InvalidInput('SenderUnknown', `'from.gateway' must be labels of the gateway pods, got ${shown(from.gateway)}; ${example}`);
  }
}

/** @throws InvalidInput for what are no headers */
export function demandHeaders({ headers }: SimulatedRequest): void {
  if (headers === undefined || isObject(headers)) return;
  throw new InvalidInput('RequestHeaders', `'headers' must be an object of names and values, got ${shown(headers)}; leave it out where there are none`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
