const list = (count: number, name: (index: number) => string) => Array.from({ length: count }, (_, index) => name(index + 1));

/** 20 services × 10 lanes unless the environment says otherwise. */
export const SERVICES = list(Number(process.env.BENCH_SERVICES ?? 20), (index) => `service${index}`);
export const LANES = list(Number(process.env.BENCH_LANES ?? 10), (index) => `release-v${index}`);
