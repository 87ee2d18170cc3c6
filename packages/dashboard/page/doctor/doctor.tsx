import { api } from '../api.js';
import { Notice } from '../parts/notice.js';
import { useAnswer } from '../use-answer.js';

const WORDS = { ok: 'in order', warning: 'warning', problem: 'problem' } as const;
const ORDER = ['problem', 'warning', 'ok'] as const;

/** The findings of the doctor, the worst first, each with what to do. */
export function Doctor() {
  const { value: findings, error, isAsking, ask } = useAnswer(api.findings, 'findings');
  const sorted = ORDER.flatMap((level) => (findings ?? []).filter((finding) => finding.level === level));
  return (
    <>
      <div class="heading">
        <h1>Doctor</h1>
        <button type="button" disabled={isAsking} onClick={ask}>
          Look again
        </button>
      </div>
      {error !== undefined && <Notice kind="problem">{error}</Notice>}
      <p role="status" class="quiet">
        {isAsking ? 'Looking…' : `${sorted.filter(({ level }) => level !== 'ok').length} findings ask for somebody.`}
      </p>
      <ul class="findings">
        {sorted.map(({ check, level, message, remedy }) => (
          <li key={`${check}/${message}`} class={level}>
            <span class={`chip ${level === 'ok' ? 'up' : level === 'warning' ? 'degraded' : 'down'}`}>
              {WORDS[level]}
            </span>
            <div>
              <b>{check}</b>
              <p>{message}</p>
              {remedy !== undefined && <p class="remedy">{remedy}</p>}
            </div>
          </li>
        ))}
      </ul>
    </>
  );
}
