import { readFileSync } from 'node:fs';
import { LuaFactory } from 'wasmoon';

/** What a command answers: bytes, a whole number, nothing, a list, or an error. */
export type Answer = Buffer | number | null | Error | readonly Answer[];

/** Asks the commands of a script. */
export type Ask = (words: readonly Buffer[]) => Promise<Answer>;

interface Server {
  load(name: number, source: string): string | null | undefined;
  begin(name: number, keys: string, args: string): string;
  resume(answer: string): string;
  version(): string;
}

const own = (file: string): string => readFileSync(new URL(file, import.meta.url), 'utf8');

/** Runs scripts as a server does that has Lua 5.4, as Dragonfly: one after another. */
export class Lua54 {
  readonly #server: Server;
  /** Scripts that have been loaded, and their numbers. */
  readonly #loaded = new Map<string, number>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param scores whether scores are answered as numbers, or as texts, which is how Redis does it */
  static async load(scores: 'as numbers' | 'as texts'): Promise<Lua54> {
    const lua = await new LuaFactory().createEngine({ injectObjects: false });
    lua.global.set('server_source', own('server.lua'));
    lua.global.set('messagepack_source', own('messagepack.lua'));
    lua.global.set('scores_are_numbers', scores === 'as numbers');
    await lua.doString(
      'server = load(server_source, "=server")(load(messagepack_source, "=messagepack")(), scores_are_numbers)',
    );
    return new Lua54(lua.global.get('server') as Server);
  }

  /** `Lua 5.4`. */
  get version(): string {
    return this.#server.version();
  }

  async run(source: string, keys: readonly Buffer[], args: readonly Buffer[], ask: Ask): Promise<Answer> {
    let name = this.#loaded.get(source);
    if (name === undefined) {
      name = this.#loaded.size;
      const problem = this.#server.load(name, source);
      if (typeof problem === 'string') return new Error(`ERR Error compiling script: ${problem}`);
      this.#loaded.set(source, name);
    }
    let said = this.#server.begin(name, written(keys), written(args));
    while (said.startsWith('call ')) {
      const words = said.slice('call '.length).split(' ');
      said = this.#server.resume(wordsOf(await ask(words.map((word) => Buffer.from(word, 'hex')))));
    }
    return answerIn(said.slice('done '.length).split(' ').values());
  }
}

const written = (list: readonly Buffer[]): string => list.map(wordsOf).join(' ');

function wordsOf(answer: Answer): string {
  if (answer === null) return 'n';
  if (typeof answer === 'number') return `i${answer}`;
  if (answer instanceof Buffer) return `s${answer.toString('hex')}`;
  if (answer instanceof Error) return `e${Buffer.from(answer.message).toString('hex')}`;
  const list = answer as readonly Answer[];
  return [`a${list.length}`, ...list.map(wordsOf)].join(' ');
}

function answerIn(words: Iterator<string>): Answer {
  const word = String(words.next().value);
  const rest = word.slice(1);
  switch (word[0]) {
    case 'i':
      return Number(rest);
    case 's':
      return Buffer.from(rest, 'hex');
    case 'e':
      return new Error(Buffer.from(rest, 'hex').toString());
    case 'a':
      return Array.from({ length: Number(rest) }, () => answerIn(words));
    default:
      return null;
  }
}
