import { Command, Option } from 'commander';
import { gitHubWorkflow } from '../pipeline/github-workflow';
import { Builder } from '../pipeline/gitlab-jobs';
import { gitLabComponent, gitLabPipeline } from '../pipeline/gitlab-pipeline';
import { parseService, PipelinePlan } from '../pipeline/pipeline-plan';

interface PlanOptions {
  readonly service: string[];
  readonly baseline: string;
  readonly lanes: string[];
  readonly registry?: string;
  readonly context?: string;
  readonly preview?: string;
}

/** The commands that print the files of CI systems. */
export function addCiCommands(cli: Command, exitCodes: string): void {
  const ci = cli.command('ci').description('print the files with which a CI system puts lanes up and takes them down').addHelpText('after', exitCodes);

  withPlan(ci.command('gitlab'), exitCodes)
    .description('print .gitlab-ci.yml: build, deploy, stop with the branch, sweep on a schedule')
    .requiredOption('--deployer <image>', 'an image with node, git, kubectl and cdk8s-lanes')
    .addOption(builder())
    .option('--auto-stop-in <time>', "after how long GitLab stops a lane that nobody deploys, such as '2 weeks'")
    .option('--tag <tag>', 'a tag of the runners; may be repeated', collect)
    .action((options: PlanOptions & { deployer: string; builder: Builder; autoStopIn?: string; tag?: string[] }) => {
      const { deployer, autoStopIn, tag: tags } = options;
      process.stdout.write(gitLabPipeline(planOf(options), { deployer, builder: options.builder, autoStopIn, tags }));
    });

  ci.command('gitlab-component')
    .description('print templates/<name>.yml of a component project, for repositories with one service each')
    .addOption(builder())
    .addHelpText('after', exitCodes)
    .action((options: { builder: Builder }) => {
      process.stdout.write(gitLabComponent(options));
    });

  withPlan(ci.command('github'), exitCodes)
    .description('print .github/workflows/lanes.yml: build and deploy, take down with the branch, sweep on a schedule')
    .option('--sweep <cron>', 'when to sweep', '17 * * * *')
    .option('--runs-on <label>', 'a label of the runners; may be repeated', collect)
    .option('--use-version <version>', 'the version of cdk8s-lanes in jobs without a checkout (default: the newest)')
    .action((options: PlanOptions & { sweep: string; runsOn?: string[]; useVersion?: string }) => {
      const { sweep, runsOn, useVersion: version } = options;
      process.stdout.write(gitHubWorkflow(planOf(options), { sweep, runsOn: runsOn ?? ['ubuntu-latest'], version }));
    });
}

function withPlan(command: Command, exitCodes: string): Command {
  return command
    .requiredOption('--service <name[=folder[,path...]]>', 'a service that the repository builds, where its Dockerfile is, and what else it is made of; may be repeated', collect)
    .requiredOption('--baseline <branch>', 'the branch that serves everybody')
    .option('--lanes <pattern>', "which branches are lanes, such as 'release-*' or '/^release-v\\d+$/'; may be repeated (default: all others)", collect)
    .option('--registry <path>', "where images are pushed to (default: the CI system's own registry)")
    .option('--context <name>', "kubectl's context (default: that of the kubeconfig)")
    .option('--preview <wildcard>', "the hosts of lanes, as 'previewLanesAt' has them: '*.preview.example.com'")
    .addHelpText('after', exitCodes);
}

function builder(): Option {
  return new Option('--builder <name>', 'what builds images: BuildKit without root, or docker in docker').choices(['buildkit', 'docker']).default('buildkit');
}

function planOf({ service, baseline, lanes, registry, context, preview }: PlanOptions): PipelinePlan {
  return { services: service.map(parseService), baseline, lanes: lanes ?? ['*'], registry, context, preview };
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}
