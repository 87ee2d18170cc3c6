import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export type Decorators = 'legacy' | 'standard';

/** What the TypeScript compiler says of a file; empty if nothing is wrong with it. */
export function compile(file: string, decorators: Decorators): Promise<string> {
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  const options = ['--ignoreConfig', '--noEmit', '--strict', '--exactOptionalPropertyTypes', '--skipLibCheck'];
  const target = ['--target', 'es2023', '--lib', 'es2024,esnext.disposable', '--module', 'nodenext', '--types', 'node'];
  const kind = ['--experimentalDecorators', String(decorators === 'legacy')];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [compiler, ...options, ...target, ...kind, file], (error, stdout, stderr) => {
      const ran = stderr === '' && (error === null || stdout !== '');
      if (ran) resolve(stdout);
      else reject(new Error(`The compiler did not run: ${stderr}`, { cause: error }));
    });
  });
}
