import { readFileSync } from 'fs';
import { App, Chart, Testing } from 'cdk8s';
import { InvalidInput, shown } from '../errors';
import { parseManifests } from '../manifests';
import { MeshModel, MeshModelOptions, SimulatedRequest } from '../simulate';
import { Hop, Chains, ChainOptions } from '../simulate/chain';
import { demandHeaders, demandHost, demandSender } from '../simulate/request-demands';
import { usualPort, usualSender } from '../simulate/usual';

/** Options of `SimulatedMesh`. */
export interface SimulatedMeshOptions extends Omit<MeshModelOptions, 'where'>, ChainOptions {}

/** A request of a test. */
export interface TestRequest extends Omit<SimulatedRequest, 'from'> {
  /** @default - a pod in the namespace of the service, or a client of the gateway that has the host */
  readonly from?: SimulatedRequest['from'];
  /** The value of the lane header. @default - none */
  readonly lane?: string;
}

/** Where manifests come from: a chart, an app, YAML text, or objects. */
export type MeshSource = App | Chart | string | readonly object[];

/**
 * A mesh to send requests to in tests: what the simulator makes of manifests, offline.
 *
 * ```ts
 * const mesh = SimulatedMesh.of(chart);
 * expect(mesh.send({ host: 'cart', lane: 'new-checkout' })).toServe({ version: 'new-checkout' });
 * ```
 */
export class SimulatedMesh {
  /** The mesh that a chart, an app, YAML or objects describe; several sources are taken together. */
  public static of(source: MeshSource, options: SimulatedMeshOptions = {}): SimulatedMesh {
    return new SimulatedMesh(objectsOf(source), options);
  }

  /** The mesh that files describe. */
  public static fromFiles(paths: readonly string[], options: SimulatedMeshOptions = {}): SimulatedMesh {
    return new SimulatedMesh(
      paths.flatMap((path) => parseManifests(readFileSync(path, 'utf8'), path).map(({ manifest }) => manifest)),
      options,
    );
  }

  /** The model underneath, for what the matchers do not ask. */
  public readonly model: MeshModel;
  private readonly chains: Chains;

  private constructor(manifests: readonly object[], options: SimulatedMeshOptions) {
    this.model = MeshModel.of(manifests, options);
    this.chains = new Chains(this.model, options);
  }

  /** Sends a request and follows what it causes. */
  public send({ lane, ...request }: TestRequest): Hop {
    demandHost(request.host);
    const from = request.from ?? usualSender(this.model, request.host);
    if (!from) {
      const others = this.model.unmodelledRoutes(request.host).map(({ message }) => `; ${message}`).join('');
      throw new InvalidInput('SenderUnknown', `'from' must say who sends, as nothing in the mesh has the host ${shown(request.host)}${others}`);
    }
    demandSender(from);
    demandHeaders({ ...request, from });
    const headers = lane === undefined ? request.headers : { ...request.headers, [this.chains.laneHeader]: lane };
    return this.chains.follow({ ...request, from, port: request.port ?? usualPort(this.model, request.host, from), headers });
  }
}

function objectsOf(source: MeshSource): object[] {
  if (typeof source === 'string') return parseManifests(source, '(text)').map(({ manifest }) => manifest);
  if (Array.isArray(source)) return [...source];
  if (source instanceof App) return parseManifests(source.synthYaml(), '(app)').map(({ manifest }) => manifest);
  return Testing.synth(source as Chart);
}
