import { Command } from 'commander';
import { readManifests, UsageError } from './read-manifests';
import { SourcedManifest } from '../manifests';
import { MeshModel, MeshModelOptions } from '../simulate';
import { groupOf } from '../simulate/objects';
import { standInHosts, standInsFor } from '../simulate/stand-ins';

/** What all commands that read manifests take. */
export interface ModelFlags {
  readonly clusterDomain: string;
  readonly registryOnly?: boolean;
}

/** Adds those options to a command. */
export function withModelOptions(command: Command): Command {
  return command
    .option('--cluster-domain <domain>', "the cluster's domain", 'cluster.local')
    .option('--registry-only', 'hosts that nobody knows are refused (outboundTrafficPolicy of the mesh)');
}

/** Manifests as they are on disk: the same object twice would be alternatives, of which a cluster has one. */
export function readObjects(paths: string[]): SourcedManifest[] {
  const seen = new Map<string, SourcedManifest>();
  const manifests = readManifests(paths);
  for (const each of manifests) {
    const { kind, metadata } = each.manifest;
    if (!metadata?.name) continue;
    const name = kind === 'Namespace' ? metadata.name : `${metadata.namespace ?? 'default'}/${metadata.name}`;
    const key = `${groupOf(each.manifest)} ${kind} ${name}`;
    const twin = seen.get(key);
    if (twin) {
      throw new UsageError(
        `${each.file}:${each.line}: ${kind} ${name} is there already, at ${twin.file}:${twin.line}; name files that are applied together`,
      );
    }
    seen.set(key, each);
  }
  return manifests;
}

/** The options of a model of these manifests, with where each was read. */
export function modelOptions(manifests: readonly SourcedManifest[], flags: ModelFlags): MeshModelOptions {
  const places = new Map(manifests.map(({ manifest, file, line }) => [manifest, `${file}:${line}`]));
  return { clusterDomain: flags.clusterDomain, registryOnly: flags.registryOnly, where: (manifest) => places.get(manifest) };
}

/** The mesh that files describe. Services that only rules name are taken to be there, which is said on standard error. */
export function loadModel(paths: string[], flags: ModelFlags): MeshModel {
  const sourced = readObjects(paths);
  const manifests = sourced.map(({ manifest }) => manifest);
  const standIns = standInsFor(manifests, flags.clusterDomain);
  sayTakenForGranted(standInHosts(standIns));
  return MeshModel.of([...manifests, ...standIns], modelOptions(sourced, flags));
}

/** Says which services no manifest describes. */
export function sayTakenForGranted(hosts: readonly string[]): void {
  if (hosts.length > 0) process.stderr.write(`note: no manifest describes ${hosts.join(', ')}; taken to be there, with a version for each subset\n`);
}
