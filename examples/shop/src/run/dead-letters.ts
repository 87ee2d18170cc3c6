import type { Spillway } from '@spillway/core';
import type { DeadLetterLine } from './outcome.js';

const pageSize = 100;

/** All dead letters, page by page. */
export async function readDeadLetters(spillway: Spillway): Promise<readonly DeadLetterLine[]> {
  const lines: DeadLetterLine[] = [];
  for (;;) {
    const page = await spillway.deadLetters.list({ offset: lines.length, limit: pageSize });
    for (const { rowKey, code, reason } of page) lines.push({ row: rowKey, code, reason });
    if (page.length < pageSize) return lines;
  }
}
