import type { Finding } from '@spillway/core';
import { Command } from 'commander';
import type { Answer, Session } from '../command.js';
import { EXIT } from '../exit-code.js';
import type { Mood, Page } from '../output/page.js';

/** `spillway doctor`: examines what Spillway stands on, and says how to mend it. */
export function doctorCommand(session: Session): Command {
  const command = new Command('doctor').description(
    'examine Redis, PostgreSQL and what is pending, and say how to mend it',
  );
  return command.action(async () =>
    session.act(command, async ({ spillway }) => doctorAnswer(await spillway.diagnose())),
  );
}

function doctorAnswer(findings: readonly Finding[]): Answer {
  const problems = findings.filter(({ level }) => level === 'problem').length;
  const warnings = findings.filter(({ level }) => level === 'warning').length;
  return {
    json: { problems, warnings, findings },
    show: (page) => showFindings(page, findings),
    exitCode: problems === 0 ? EXIT.FINE : EXIT.LEFT,
  };
}

const MOODS: Readonly<Record<Finding['level'], Mood>> = { ok: 'good', warning: 'careful', problem: 'bad' };

function showFindings(page: Page, findings: readonly Finding[]): void {
  page.table(
    'finding',
    ['', 'check', 'finding'],
    findings.map(({ level, check, message, remedy }) => [
      page.coloured(MOODS[level], level),
      check,
      remedy === undefined ? message : `${message} → ${remedy}`,
    ]),
  );
}
