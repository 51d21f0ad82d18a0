import { chmodSync, existsSync, mkdtempSync, writeFileSync } from 'fs';
import { join } from 'path';

/*
 * A kubectl that takes its time: between what a run reads and what it writes, others get their turn.
 */

function write(name: string, before: string): string {
  const program = join(mkdtempSync(join(process.env.CLUSTER_FOLDER!, `${name}-`)), 'kubectl');
  writeFileSync(program, `#!/bin/bash\n${before}\nexec ${process.env.CLUSTER_KUBECTL} "$@"\n`);
  chmodSync(program, 0o755);
  return program;
}

/** Waits a random time, up to `milliseconds`, before it lists or writes objects of these kinds. */
export function slowKubectl(milliseconds: number): string {
  return write('slow', `case "$*" in *--raw*) sleep "$(printf '0.%03d' $((RANDOM % ${milliseconds})))";; esac`);
}

/** A call that waits for the test. */
export interface Gate {
  readonly kubectl: string;
  /** Resolves when the call has been reached. */
  reached(): Promise<void>;
  open(): void;
}

/** Stops at the first call whose arguments match the shell pattern. */
export function gatedKubectl(pattern: string): Gate {
  const file = join(mkdtempSync(join(process.env.CLUSTER_FOLDER!, 'gate-')), 'gate');
  const kubectl = write('gated', `case "$*" in ${pattern}) if mkdir ${file}.reached 2>/dev/null; then while [ ! -e ${file}.open ]; do sleep 0.02; done; fi;; esac`);
  return {
    kubectl,
    reached: async () => {
      while (!existsSync(`${file}.reached`)) await new Promise((resolve) => setTimeout(resolve, 20));
    },
    open: () => writeFileSync(`${file}.open`, ''),
  };
}
