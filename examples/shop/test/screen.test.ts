import { PassThrough } from 'node:stream';
import { WriteStream } from 'node:tty';
import { describe, expect, test } from 'vitest';
import type { StagedSnapshot } from '../src/run/snapshot.js';
import { bar } from '../src/screen/bar.js';
import { board } from '../src/screen/board.js';
import { makeProgress } from '../src/screen/progress.js';
import { Region } from '../src/screen/region.js';
import { line } from '../src/screen/span.js';
import { sparkline } from '../src/screen/sparkline.js';

const now: StagedSnapshot = {
  seconds: 5,
  saves: 1_200,
  conflicts: 0,
  rows: 900,
  times: [],
  pending: 40,
  coalesced: 0.5,
  dead: 0,
  oldest: 0.25,
};
const before: StagedSnapshot = { ...now, seconds: 3, saves: 200, rows: 100 };

test('a bar is as long as its share, in eighths of a character, and never longer than its width', () => {
  expect(bar(0, 4)).toBe('    ');
  expect(bar(0.5, 4)).toBe('██  ');
  expect(bar(9 / 32, 4)).toBe('█▏  ');
  expect(bar(1, 4)).toBe('████');
  expect([bar(2, 4), bar(-1, 4)]).toEqual(['████', '    ']);
});

test('a sparkline shows the last values against the highest of them', () => {
  expect(sparkline([0, 7, 3.5], 5)).toBe('▁█▅  ');
  expect(sparkline([100, 1, 2], 2)).toBe('▅█');
  expect(sparkline([0, 0], 3)).toBe('▁▁ ');
  expect(sparkline([], 2)).toBe('  ');
});

test('a line is cut to its width before it is painted', () => {
  const painted = line(
    [{ text: 'saves ' }, { text: '12345', style: 'bold' }, { text: 'gone', style: 'dim' }],
    8,
    (style, text) => `<${style}>${text}</>`,
  );
  expect(painted).toBe('saves <bold>12</>');
});

describe('the board', () => {
  const shown = (width: number, snapshot = now): string[] => {
    const past = {
      rates: [
        { saves: 100, rows: 0 },
        { saves: 500, rows: 400 },
      ],
      pending: [10, 40],
    };
    return board(snapshot, past, 20, width).map((spans) => line(spans, width, (_, text) => text));
  };

  test('has a line for each figure, with its bar or its course', () => {
    expect(shown(66)).toEqual([
      '  open                 5 s  ████              of 20 s',
      '  saves             500 /s  ▂█',
      '  rows written      400 /s  ▁█',
      '  coalesced           50 %  ████████',
      '  pending               40  ▃█                the oldest for 0.3 s',
    ]);
  });

  test('has a line for dead letters only if there are any', () => {
    expect(shown(66, { ...now, dead: 3 }).at(-1)).toBe('  dead letters           3');
  });

  test('fits a narrow terminal', () => {
    for (const text of shown(20)) expect(text.length).toBeLessThanOrEqual(20);
  });
});

test('a region is drawn over itself, and what is said stays above it', () => {
  let written = '';
  const region = new Region((text) => (written += text));
  region.draw(['one', 'two']);
  expect(written).toBe('one\ntwo\n');
  written = '';
  region.draw(['three']);
  expect(written).toBe('\u001b[2A\r\u001b[Jthree\n');
  written = '';
  region.say('killed');
  expect(written).toBe('\u001b[1A\r\u001b[Jkilled\nthree\n');
});

describe('progress', () => {
  function shownOn(terminal: object, env: NodeJS.ProcessEnv): string {
    const getColorDepth = (given: object): number => WriteStream.prototype.getColorDepth(given);
    const out = Object.assign(new PassThrough({ encoding: 'utf8' }), { getColorDepth }, terminal);
    makeProgress(out as unknown as NodeJS.WriteStream, 20, env).show(now, before);
    return String(out.read());
  }

  const plain = '  5 s     500 saves/s     400 rows written/s   50 % coalesced     40 pending, the oldest for 0.3 s\n';

  test('is a plain line where there is no terminal, or one that cannot move its cursor', () => {
    expect(shownOn({ isTTY: false }, { TERM: 'xterm' })).toBe(plain);
    expect(shownOn({ isTTY: true, columns: 80 }, { TERM: 'dumb' })).toBe(plain);
  });

  test('shows of plain MikroORM what it has, below the table of the shop before it', () => {
    const { seconds, saves, conflicts, rows, times } = now;
    const plainNow = { seconds, saves, conflicts, rows, times };
    const written = (terminal: object): string => {
      const getColorDepth = (): number => 1;
      const out = Object.assign(new PassThrough({ encoding: 'utf8' }), { getColorDepth }, terminal);
      const progress = makeProgress(out as unknown as NodeJS.WriteStream, 20, {});
      progress.show(now, before);
      progress.next(10);
      out.read();
      progress.say('Plain.');
      progress.show(plainNow, { ...plainNow, seconds: 3, saves: 200 });
      return String(out.read());
    };
    expect(written({ isTTY: false })).toBe('Plain.\n  5 s     500 saves/s\n');
    expect(written({ isTTY: true, columns: 80 })).toBe(
      'Plain.\n' +
        '  open                 5 s  ██████████████▌                of 10 s\n' +
        '  saves             500 /s  █\n',
    );
  });

  test('is a table on a terminal, whose colours NO_COLOR takes away', () => {
    const painted = shownOn({ isTTY: true, columns: 80 }, { TERM: 'xterm' });
    expect(painted).toContain('\u001b[1m    400 /s\u001b[22m');
    const plainTable = shownOn({ isTTY: true, columns: 80 }, { TERM: 'xterm', NO_COLOR: '1' });
    expect(plainTable).toContain('  rows written      400 /s  █');
    expect(plainTable).not.toContain('\u001b[');
  });
});
