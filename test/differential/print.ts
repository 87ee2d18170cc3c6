import type { Act, Filters, Nudge, Program, Query, Signal, Step, Target, Value, Values } from './steps.js';

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
      return `${act.by} ${name(act.target)}${act.isFiltered ? ', filtered' : ''}`;
    case 'getMany':
      return `find ${act.kind} $in [${act.tags.map(({ tag }) => tag).join(', ')}]`;
    case 'query':
      return printQuery(act.query);
    case 'populate':
      return `populate ${name(act.target)} ${act.properties.join(', ')}${options(act)}`;
    case 'insert':
    case 'upsert':
      return `em.${act.do} ${act.rows.map((row) => `${name(row.target)} ${values(row.values)}`).join(', ')}${options(act)}`;
    case 'nativeUpdate':
      return `nativeUpdate ${act.kind} where ${where(act.where)} set ${values(act.values)}${options(act)}`;
    case 'nativeDelete':
      return `nativeDelete ${act.kind} where ${where(act.where)}${options(act)}`;
    case 'bump':
    case 'increment':
      return `${act.do} ${name(act.target)} by ${act.by}`;
    case 'signalled':
      return `with a signal (${act.signal}) { ${act.acts.map(printAct).join('; ')} }`;
    case 'transaction':
      return `${act.holds ? 'holding ' : ''}transaction { ${act.acts.map(printAct).join('; ')} } ${act.end}`;
  }
}

/** Options of a call that are not its content. */
function options({ filters, signal }: { readonly filters?: Filters; readonly signal?: Signal }): string {
  const said = { ...(filters !== undefined && { filters }), ...(signal && { signal }) };
  return Object.keys(said).length > 0 ? ` ${JSON.stringify(said)}` : '';
}

function printCollect({ target, property, by, members }: Act & { do: 'collect' }): string {
  return `${name(target)}.${property}.${by}(${members.map(name).join(', ')})`;
}

function printQuery({ kind, where: criteria, ask, ...others }: Query): string {
  const rest = Object.entries(others).map(([option, value]) => `${option}: ${JSON.stringify(value)}`);
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
