const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const;

/** A share from 0 to 1 as a bar of whole and broken blocks, padded to its width. */
export function bar(share: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  const blocks = '█'.repeat(Math.floor(filled / 8)) + (eighths[filled % 8] ?? '');
  return blocks.padEnd(width);
}
