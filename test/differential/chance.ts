const MODULUS = 2 ** 31 - 1;

/** Random choices that are the same each time for the same seed. */
export class Chance {
  private state: number;

  constructor(seed: number) {
    this.state = seed % MODULUS + 1;
    // Seeds that follow each other begin alike.
    for (let n = 0; n < 8; n++) { this.next(); }
  }

  /** At least 0, below 1. (Lehmer's generator, as in C++'s minstd_rand.) */
  next(): number {
    this.state = this.state * 48_271 % MODULUS;
    return (this.state - 1) / (MODULUS - 1);
  }

  /** An integer from `low` to `high`, both possible. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  /** Whether something happens that happens so often, 0 to 1. */
  happens(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) { throw new Error('there is nothing to pick from'); }
    return items[this.integer(0, items.length - 1)];
  }

  /** Some of the items, in their order. */
  some<T>(items: readonly T[], low: number, high: number): T[] {
    const left = items.map((_, index) => index);
    const chosen: number[] = [];
    for (let n = Math.min(this.integer(low, high), items.length); n > 0; n--) {
      chosen.push(...left.splice(this.integer(0, left.length - 1), 1));
    }
    return chosen.sort((a, b) => a - b).map((index) => items[index]);
  }

  shuffled<T>(items: readonly T[]): T[] {
    const left = [...items];
    return items.map(() => left.splice(this.integer(0, left.length - 1), 1)[0]);
  }

  /** As many as asked for of what a function makes. */
  list<T>(low: number, high: number, make: (index: number) => T): T[] {
    return Array.from({ length: this.integer(low, high) }, (_, index) => make(index));
  }

  /** A field that is there so often: `{...chance.maybe(0.5, 'timeout', '1s')}`. */
  maybe<T>(probability: number, name: string, make: () => T): Record<string, T> {
    return this.happens(probability) ? { [name]: make() } : {};
  }
}
