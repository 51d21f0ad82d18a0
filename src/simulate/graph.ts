import { asList } from '../json';
import { conditionsText } from './conditions';
import { conditionOn, laneHeaderOf, DEFAULT_LANE_HEADER, lanesOf } from './lanes';
import { MeshModel } from './mesh-model';
import { isCoveredBy, overlap } from './names';
import { selects, textsOf } from './objects';
import { Ending, Outcome } from './outcome';
import { entriesOf, probeOf, requestFor } from './probes';
import { mayBeHttp } from './protocols';
import { Sender } from './request';
import { percent } from './story';
import { Topology, TopologyOptions } from './topology';
import { MESH, VirtualService } from './virtual-services';
import { whereText } from './where-text';

/**
 * A picture of a mesh as a Mermaid flowchart: services with their versions, which version each lane reaches, weights, mirrors,
 * gateways, and who calls whom.
 *
 * @see https://mermaid.js.org/syntax/flowchart.html
 */
export function mermaidGraph(model: MeshModel, options: TopologyOptions = {}): string {
  return new Painter(model, options).paint();
}

class Painter {
  private readonly ids = new Map<string, string>();
  private readonly lines: string[] = [];
  private readonly edges = new Map<string, Set<string>>();
  private readonly header: string;
  private readonly lanes: readonly string[];

  constructor(
    private readonly model: MeshModel,
    private readonly options: TopologyOptions,
  ) {
    this.header = laneHeaderOf(model.virtualServices) ?? DEFAULT_LANE_HEADER;
    this.lanes = lanesOf(model.virtualServices, this.header);
  }

  public paint(): string {
    for (const service of this.services()) this.service(service.hostname);
    this.gateways();
    this.calls();
    const arrows = [...this.edges].map(([edge, labels]) => {
      const [from, to, arrow] = edge.split(' ');
      const label = labels.size > 1 ? [...labels].map((text) => text || 'others').join(', ') : [...labels][0];
      return `  ${from} ${arrow}${label === '' ? '' : `|${quoted(label)}|`} ${to}`;
    });
    return ['flowchart LR', ...this.lines, ...arrows, ''].join('\n');
  }

  private services() {
    return this.model.services.filter((service) => service.isKubernetes && service.ports.some(({ protocol }) => mayBeHttp(protocol)));
  }

  private service(host: string): void {
    const service = this.model.services.find(({ hostname }) => hostname === host)!;
    const id = this.id(host);
    const workloads = this.model.workloads.filter(
      (each) => service.selector && each.namespace === service.namespace && selects(service.selector, each.labels),
    );
    const versions = workloads.map((each) => `    ${this.id(`${each.namespace}/${each.name}`)}(${quoted(each.labels.version ?? each.name)})`);
    this.lines.push(
      `  subgraph ${id}_group [${quoted(`${service.object.name} (${service.namespace})`)}]`,
      `    ${id}{{${quoted(service.object.name)}}}`,
      ...versions,
      '  end',
    );
    const port = service.ports.find(({ protocol }) => mayBeHttp(protocol))!.number;
    const from: Sender = { namespace: service.namespace };
    const baseline = this.model.send({ from, host, port });
    this.outcome(id, baseline, '');
    this.conditions(id, service.hostname, port, from, baseline);
    for (const lane of this.lanes) {
      const outcome = this.model.send({ from, host, port, headers: { [this.header]: lane } });
      // Arrows of lanes that the baseline serves would say nothing.
      if (whereText(outcome) !== whereText(baseline)) this.outcome(id, outcome, lane);
    }
  }

  /** Rules that ask for more than a lane, each by a request that meets it. */
  private conditions(id: string, host: string, port: number, from: Sender, baseline: Outcome): void {
    const isAbout = ({ gateways, hosts }: VirtualService) => gateways.includes(MESH) && hosts.some((name) => isCoveredBy(host, name));
    for (const entry of entriesOf(this.model.virtualServices.filter(isAbout).flatMap(({ rules }) => rules))) {
      const result = probeOf(entry);
      if (conditionOn(entry.headers, this.header) || asList(entry.gateways).length > 0 || 'gaveUpOn' in result) continue;
      const outcome = this.model.send(requestFor(result.probe, from, host, port));
      if (whereText(outcome) !== whereText(baseline)) this.outcome(id, outcome, conditionsText(entry));
    }
  }

  private outcome(from: string, outcome: Outcome, label: string): void {
    for (const branch of outcome.branches) {
      if (branch.ending === Ending.SERVED) {
        for (const { namespace, workload, share } of branch.workloads) {
          this.edge(from, this.id(`${namespace}/${workload}`), '-->', withShare(label, branch.probability * share));
        }
      } else {
        const text =
          branch.ending === Ending.FAILED
            ? `${branch.status || 'no answer'} ${branch.flag ?? ''}`.trim()
            : (branch.location ?? branch.workloads[0]?.workload ?? `status ${branch.status}`);
        const id = this.id(`end ${text}`);
        this.declare(`${id}[/${quoted(text)}/]`);
        this.edge(from, id, '-->', withShare(label, branch.probability));
      }
    }
    for (const { workloads, percent: share } of outcome.mirrors) {
      for (const { namespace, workload } of workloads) {
        this.edge(from, this.id(`${namespace}/${workload}`), '-.->', `mirror${share < 100 ? ` ${share} %` : ''}${label === '' ? '' : ` ${label}`}`);
      }
    }
  }

  private gateways(): void {
    for (const gateway of this.model.gateways) {
      const name = `${gateway.metadata?.namespace ?? 'default'}/${gateway.metadata?.name}`;
      const bound = this.model.virtualServices.filter(({ gateways }) => gateways.includes(name));
      const id = this.id(`gateway ${name}`);
      const served = asList(gateway.spec?.servers).flatMap((server) => textsOf(server?.hosts)).map((host) => host.split('/').pop()!);
      const hosts = [...new Set(bound.flatMap((vs) => vs.hosts))].filter((host) => served.some((each) => overlap(host, each)));
      this.declare(`${id}[${quoted(`Gateway ${gateway.metadata?.name}`)}]`);
      const routes = bound.flatMap(({ rules }) => rules.flatMap(({ spec }) => asList(spec.route)));
      for (const service of this.services()) {
        const reached = routes.some((route) => this.model.serviceNamed(String(route?.destination?.host), service.namespace) === service);
        if (reached) this.edge(id, this.id(service.hostname), '-->', hosts.join(' '));
      }
    }
  }

  private calls(): void {
    const topology = new Topology(this.model, this.options, this.header);
    for (const workload of this.model.workloads) {
      for (const call of topology.callsOf(workload)) {
        const target = this.model.serviceNamed(call.host, workload.namespace);
        const known = target && this.services().includes(target);
        const id = this.id(known ? target.hostname : `end ${call.host}`);
        if (!known) this.declare(`${id}[/${quoted(call.host)}/]`);
        this.edge(this.id(`${workload.namespace}/${workload.name}`), id, '-->', call.path === '/' ? '' : call.path);
      }
    }
  }

  private declare(text: string): void {
    if (!this.lines.includes(`  ${text}`)) this.lines.push(`  ${text}`);
  }

  private edge(from: string, to: string, arrow: string, label: string): void {
    const key = `${from} ${to} ${arrow}`;
    this.edges.set(key, (this.edges.get(key) ?? new Set()).add(label));
  }

  private id(name: string): string {
    const known = this.ids.get(name);
    if (known) return known;
    const id = `n${this.ids.size}`;
    this.ids.set(name, id);
    return id;
  }
}

function withShare(label: string, share: number): string {
  return [label, share > 0.999999 ? '' : percent(share)].filter((text) => text !== '').join(' ');
}

/** Text between quotes, in which Mermaid reads entities and HTML, and nothing else. */
function quoted(text: string): string {
  return `"${text.replace(/[#"<>&`]/g, (character) => `#${character.charCodeAt(0)};`)}"`;
}
