import { IConstruct } from 'constructs';

const WARNINGS = Symbol.for('cdk8s-lanes.Warnings');

/** Something that works, but probably not as meant. */
export interface Warning {
  /** Stays the same when the wording changes. */
  readonly code: string;
  /** The path of the construct that it is about. */
  readonly path: string;
  /** What is the matter and the way out. */
  readonly message: string;
}

/**
 * The warnings of an app. Each is printed on stderr once, when it comes up (`cdk8s synth` shows stderr alone), and kept to be
 * read, for example by a test:
 *
 * ```ts
 * expect(Warnings.of(app).all).toEqual([]);
 * ```
 */
export class Warnings {
  /** The warnings of the app that `scope` stands in. */
  public static of(scope: IConstruct): Warnings {
    const root = scope.node.root as any;
    root[WARNINGS] ??= new Warnings();
    return root[WARNINGS];
  }

  private readonly byKey = new Map<string, Warning>();

  private constructor() {}

  /** All so far, in the order they came up. */
  public get all(): Warning[] {
    return [...this.byKey.values()];
  }

  /** Adds one; a repeated one is dropped. */
  public add(scope: IConstruct, code: string, message: string): void {
    const warning = { code, path: scope.node.path, message };
    const key = JSON.stringify(warning);
    if (this.byKey.has(key)) return;
    this.byKey.set(key, warning);
    process.stderr.write(`warning ${code} [${warning.path}] ${message}\n`);
  }
}
