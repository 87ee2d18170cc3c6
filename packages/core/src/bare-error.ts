import { printable } from './printable.js';

/**
 * The fields that are kept of an error besides its class and message: words and numbers that name the failure, without
 * the values that it failed on.
 */
const KEPT = ['code', 'errno', 'syscall', 'severity', 'sqlstate'] as const;
const WORD = /^[\w.-]{1,40}$/;

/** Errors within errors; deeper ones are left out. */
const DEEPEST = 4;

const bareOnes = new WeakSet<Error>();

/** Notes that an error is safe to show. The code that creates the error guarantees it. */
export function asBare<E extends Error>(error: E): E {
  bareOnes.add(error);
  return error;
}

export function isBare(error: unknown): error is Error {
  return error instanceof Error && bareOnes.has(error);
}

/**
 * An error in a form that may leave Spillway: in an event, or as the cause of another one. Drivers attach the command
 * with its arguments (a password, staged rows), the statement with its parameters, or the refused row to their errors.
 * A logger that prints a whole error prints those too. The error's class, its code and its stack frames stay.
 *
 * @param message replaces the error's own message, where more may be shown than of an unknown error
 */
export function bareError(error: unknown, message?: string): Error {
  return bare(error, message, 0);
}

function bare(given: unknown, told: string | undefined, depth: number): Error {
  const error =
    given instanceof Error
      ? given
      : new Error(`something that is no Error was thrown: a value of type ${typeof given}`);
  if (bareOnes.has(error)) return error;
  const message = printable(told ?? textOf(error));
  const left = withInner(error, message, depth);
  left.stack = [`${nameOf(error)}: ${message}`, ...framesOf(error)].join('\n');
  Object.defineProperty(left, 'name', { value: nameOf(error), configurable: true, writable: true });
  for (const field of KEPT) {
    const value: unknown = Reflect.get(error, field);
    if (typeof value === 'number' || isWord(value)) Object.assign(left, { [field]: value });
  }
  return asBare(left);
}

/** Keeps the error's class, for callers that check it; its fields are dropped. */
function withInner(error: Error, message: string, depth: number): Error {
  const inner = depth >= DEEPEST ? [] : innerErrors(error).map((each) => bare(each, undefined, depth + 1));
  const [cause] = inner;
  const left =
    error instanceof AggregateError
      ? new AggregateError(inner, message)
      : new Error(message, cause === undefined ? undefined : { cause });
  Object.setPrototypeOf(left, Object.getPrototypeOf(error) as object);
  return left;
}

function innerErrors(error: Error): readonly Error[] {
  const { cause, lastNodeError } = error as { readonly cause?: unknown; readonly lastNodeError?: unknown };
  const several: readonly unknown[] = error instanceof AggregateError ? error.errors : [];
  return [...several, cause, lastNodeError].filter((each) => each instanceof Error);
}

function textOf(error: Error): string {
  const { code, severity } = error as { readonly code?: unknown; readonly severity?: unknown };
  // PostgreSQL quotes values, and MikroORM puts the statement in front.
  if (typeof severity === 'string' && isWord(code)) return `PostgreSQL answered SQLSTATE ${code}`;
  // The engine's own parsers quote what they could not read.
  if (error instanceof SyntaxError || (isWord(code) && code.startsWith('ERR_INVALID')))
    return 'Something could not be read (it is not shown, for it may be a value)';
  // Redis repeats the arguments of a command that it does not know, such as those of AUTH.
  return error.message.replace(/, with args beginning with: .*$/su, '');
}

function nameOf({ name }: Error): string {
  return isWord(name) ? name : 'Error';
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && WORD.test(value);
}

/** Only lines that V8 has written behind the message, because a message may have lines of its own. */
function framesOf({ stack = '', message }: Error): readonly string[] {
  const at = stack.indexOf(message);
  const behind = at < 0 ? '' : stack.slice(at + message.length);
  return behind.split('\n').filter((line) => /^ {4}at \S/.test(line));
}
