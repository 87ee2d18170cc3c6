import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { root } from '../docs/markdown.js';

const run = promisify(execFile);

/** The packages as they would be published: tarballs in a folder of their own. */
export class PackedPackages implements AsyncDisposable {
  readonly #folder: string;
  readonly #files: ReadonlyMap<string, string>;

  private constructor(folder: string, files: ReadonlyMap<string, string>) {
    this.#folder = folder;
    this.#files = files;
  }

  /** @param from a repository that is built; this one by default */
  static async pack(names: readonly string[], from: string = root): Promise<PackedPackages> {
    const folder = await mkdtemp(path.join(tmpdir(), 'spillway-packed-'));
    const files = new Map<string, string>();
    for (const name of names) {
      const { stdout } = await run(
        'npm',
        ['pack', '--json', '--pack-destination', folder, path.join(from, 'packages', name)],
        { cwd: folder },
      );
      const packed = JSON.parse(stdout) as Record<string, { filename: string }> | { filename: string }[];
      const [first] = Object.values(packed);
      if (!first) throw new Error(`npm pack of ${name} has said: ${stdout}`);
      files.set(`@spillway/${name}`, path.join(folder, first.filename));
    }
    return new PackedPackages(folder, files);
  }

  /** The words of an `npm install` with the tarballs in the place of our names, as if they were published. */
  insteadOfNames(words: readonly string[]): string[] {
    return words.map((word) => this.#files.get(word) ?? word);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true });
  }
}

/** An empty directory, far from this repository's own packages, that ends with its test. */
export class EmptyProject implements AsyncDisposable {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(): Promise<EmptyProject> {
    const folder = await mkdtemp(path.join(tmpdir(), 'spillway-consumer-'));
    await mkdir(folder, { recursive: true });
    return new EmptyProject(folder);
  }

  /** Runs a command there, and answers what it has said. A failure says all of it. */
  async run(command: string, ...args: readonly string[]): Promise<string> {
    try {
      const { stdout } = await run(command, args, { cwd: this.folder, maxBuffer: 64 * 1024 * 1024 });
      return stdout;
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { readonly stdout?: string; readonly stderr?: string };
      throw new Error(`${command} ${args.join(' ')} has failed:\n${stdout}\n${stderr}`, { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true });
  }
}
