/** Bundles the page of the dashboard into its package: it needs nothing from another host, and no other package. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const folder = fileURLToPath(new URL('../packages/dashboard/', import.meta.url));
const target = `${folder}dist/page`;

mkdirSync(target, { recursive: true });
await build({
  entryPoints: { page: `${folder}page/main.tsx`, 'page-style': `${folder}page/page.css` },
  outdir: target,
  entryNames: 'page',
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['es2022'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  logLevel: 'warning',
});
cpSync(`${folder}page/index.html`, `${target}/index.html`);
writeFileSync(`${target}/licenses.txt`, licences(['preact', 'uplot']));

/**
 * The licences of what is bundled ask to be kept with it.
 *
 * @param {readonly string[]} names
 */
function licences(names) {
  const root = fileURLToPath(new URL('../node_modules/', import.meta.url));
  return names.map((name) => `${name}\n\n${readFileSync(`${root}${name}/LICENSE`, 'utf8')}`).join('\n');
}
