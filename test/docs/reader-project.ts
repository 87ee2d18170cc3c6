import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { codeBlocks, root, type CodeBlock, type Document } from './markdown.js';

/** Where the documents say that the servers are. */
const REDIS = 'redis://localhost:6379';
const DATABASE = 'postgres://localhost:5432/shop';

export interface Servers {
  readonly redis: string;
  readonly database: string;
}

/** What a program of the documents said and how it ended. */
interface Ending {
  readonly output: string;
  readonly errors: string;
  readonly code: number | null;
}

export interface RunningProgram {
  readonly ended: Promise<Ending>;
  /** What it has said so far. */
  output(): string;
  errors(): string;
  /** As an orchestrator asks a process to stop. */
  terminate(): void;
}

/**
 * The project that a reader gets by copying every code block that bears a file name, word for word but for the URLs of
 * the servers. It is compiled against the built package, as a user has it. The folder lies below a `node_modules` that
 * holds everything, and is ignored by git.
 */
export class ReaderProject implements Disposable {
  readonly #folder: string;
  readonly #children = new Set<ChildProcess>();

  constructor(documents: readonly Document[], servers: Servers) {
    const parent = path.join(root, 'test', 'dist');
    mkdirSync(parent, { recursive: true });
    this.#folder = mkdtempSync(path.join(parent, 'docs-'));
    this.#write('package.json', JSON.stringify({ type: 'module' }));
    this.#write('tsconfig.json', JSON.stringify(tsconfig));
    for (const { file, code } of documents.flatMap(codeBlocks)) {
      if (file?.endsWith('.ts'))
        this.#write(file, code.replaceAll(REDIS, servers.redis).replaceAll(DATABASE, servers.database));
    }
  }

  /** What the compiler says; nothing if it is content. */
  compile(): string {
    const tsc = path.join(root, 'node_modules', '.bin', 'tsc');
    const { stdout, error } = spawnSync(tsc, ['-p', this.#folder], { encoding: 'utf8' });
    if (error) throw error;
    return stdout;
  }

  start(file: string): RunningProgram {
    const compiled = path.join(this.#folder, file.replace(/\.ts$/, '.js'));
    return this.#start(['--enable-source-maps', compiled]);
  }

  /** Runs the command line in the folder, as its reader does. */
  spillway(args: readonly string[]): RunningProgram {
    return this.#start([path.join(root, 'packages/cli/dist/bin.js'), ...args]);
  }

  #start(args: readonly string[]): RunningProgram {
    const child = spawn(process.execPath, [...args], {
      cwd: this.#folder,
      // MikroORM colours its lines wherever they go. The documents show them plain.
      env: { ...process.env, MIKRO_ORM_NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#children.add(child);
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    const { promise, resolve, reject } = Promise.withResolvers<Ending>();
    child.once('error', reject).once('close', (code) => resolve({ output, errors, code }));
    return { ended: promise, output: () => output, errors: () => errors, terminate: () => void child.kill('SIGTERM') };
  }

  /** Programs that a failed test has left running end here. */
  [Symbol.dispose](): void {
    for (const child of this.#children) child.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true });
  }

  #write(name: string, text: string): void {
    writeFileSync(path.join(this.#folder, name), text);
  }
}

/**
 * What a program of the documents promises to say: the comments behind its `console.log`s, and those that begin with
 * `logs:`.
 */
export function promisedOutput({ code }: CodeBlock): string {
  return [...code.matchAll(/(?:console\.log\(.*\); \/\/|\/\/ logs:) (.*)$/gm)]
    .map(([, said = '']) => `${said}\n`)
    .join('');
}

/** As strict as can be: what compiles here compiles everywhere. */
const tsconfig = {
  compilerOptions: {
    target: 'es2023',
    lib: ['es2024', 'esnext.disposable'],
    module: 'nodenext',
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noUnusedLocals: true,
    // MikroORM's own declarations are not that strict.
    skipLibCheck: true,
    experimentalDecorators: true,
    sourceMap: true,
    types: ['node'],
  },
  include: ['*.ts'],
};
