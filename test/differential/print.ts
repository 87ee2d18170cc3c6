import type { Act, Nudge, Program, Query, Step, Target, Value, Values } from './steps.js';

/** A program as somebody would write it, one step a line. */
export function print({ steps }: Program): string {
  return steps.map((step, index) => printStep(step, index)).join('\n');
}

export function printStep({ process, fork, act }: Step, index: number): string {
  return `${String(index + 1).padStart(3)}. process ${process + 1}, em ${fork + 1}: ${printAct(act)}`;
}

function printAct(act: Act | Nudge): string {
  switch (act.do) {
    case 'create':
    case 'assign':
      return `${act.do} ${name(act.target)} ${values(act.values)}`;
    case 'remove':
      return `remove ${name(act.target)}`;
    case 'save':
      return `save ${name(act.target)} ${values(act.values)}${act.written ? ', written' : ''}`;
    case 'erase':
      return `repository.remove ${name(act.target)}${act.written ? ', written' : ''}`;
    case 'patch':
      return `patch ${name(act.target)} ${values(act.values)}`;
    case 'collect':
      return `${printCollect(act)}${act.unloaded ? ', not loaded' : ''}`;
    case 'flush':
    case 'clear':
    case 'drain':
      return `${act.do}()`;
    case 'pause':
      return `pause ${act.ms} ms`;
    case 'get':
      return `${act.by} ${name(act.target)}`;
    case 'getMany':
      return `find ${act.kind} $in [${act.tags.map(({ tag }) => tag).join(', ')}]`;
    case 'query':
      return printQuery(act.query);
    case 'populate':
      return `populate ${name(act.target)} ${act.properties.join(', ')}`;
    case 'insert':
    case 'upsert':
      return `em.${act.do} ${act.rows.map((row) => `${name(row.target)} ${values(row.values)}`).join(', ')}`;
    case 'nativeUpdate':
      return `nativeUpdate ${act.kind} where ${where(act.where)} set ${values(act.values)}`;
    case 'nativeDelete':
      return `nativeDelete ${act.kind} where ${where(act.where)}`;
    case 'bump':
    case 'increment':
      return `${act.do} ${name(act.target)} by ${act.by}`;
    case 'transaction':
      return `${act.holds ? 'holding ' : ''}transaction { ${act.acts.map(printAct).join('; ')} } ${act.end}`;
  }
}

function printCollect({ target, property, by, members }: Act & { do: 'collect' }): string {
  return `${name(target)}.${property}.${by}(${members.map(name).join(', ')})`;
}

function printQuery({ kind, where: criteria, ask, ...options }: Query): string {
  const rest = Object.entries(options).map(([option, value]) => `${option}: ${JSON.stringify(value)}`);
  return [`${ask} ${kind} ${values(criteria)}`, ...rest].join(', ');
}

function where(criteria: Values | readonly Target[]): string {
  return Array.isArray(criteria)
    ? `[${(criteria as readonly Target[]).map(({ tag }) => tag).join(', ')}]`
    : values(criteria as Values);
}

function name({ kind, tag }: Target): string {
  return `${kind} ${tag}`;
}

function values(content: Values): string {
  return JSON.stringify(content, (_, value: Value) =>
    value !== null && typeof value === 'object' && '$row' in value ? (value.$row as unknown as Target).tag : value,
  );
}
