import { Interrupted } from './failures';

/** What a command has beside the cluster: a voice, a clock, and an ear for whoever ends it. */
export interface Session {
  /** Tells a step. */
  say(text: string): void;
  /** Tells what the user should know, on standard error. */
  warn(text: string): void;
  now(): Date;
  /** Waits; ends early with `Interrupted`. */
  sleep(seconds: number): Promise<void>;
  /** Throws `Interrupted` if the user ended the command. Called between steps. */
  check(): void;
}

/** A session on this process's output and clock. */
export function processSession(signal: AbortSignal): Session {
  const check = () => {
    if (signal.aborted) throw new Interrupted();
  };
  return {
    say: (text) => void process.stdout.write(`${text}\n`),
    warn: (text) => void process.stderr.write(`warning: ${text}\n`),
    now: () => new Date(),
    check,
    sleep: async (seconds) => {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, seconds * 1000);
        function done() {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          resolve();
        }
        signal.addEventListener('abort', done);
      });
      check();
    },
  };
}
