const steps = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;

/** The last values as columns whose heights compare with the highest of them, padded to the width. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  const highest = shown.reduce((most, value) => Math.max(most, value), 0);
  const column = (value: number): string => steps[highest > 0 ? Math.round((value / highest) * 7) : 0] ?? steps[0];
  return shown.map(column).join('').padEnd(width);
}
