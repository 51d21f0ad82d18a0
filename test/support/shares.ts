/** Counts that are not within 4.5 standard deviations of their share, one line each; a count without a share has none. */
export function strays(counts: Readonly<Record<string, number>>, shares: Readonly<Record<string, number>>): string[] {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return [...new Set([...Object.keys(counts), ...Object.keys(shares)])].flatMap((name) => {
    const count = counts[name] ?? 0;
    const share = shares[name] ?? 0;
    const deviation = Math.sqrt(total * share * (1 - share));
    return Math.abs(count - total * share) <= 4.5 * deviation ? [] : [`${name}: ${count} of ${total}, not a share of ${share}`];
  });
}
