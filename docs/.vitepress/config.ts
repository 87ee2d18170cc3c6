import { defineConfig } from 'vitepress';
import { writeTextsForModels } from './llms.js';
import { anchorOf, linkOutside } from './links.js';
import { sidebar } from './navigation.js';
import { base, repository } from './repository.js';

export default defineConfig({
  title: 'Spillway',
  description: 'Write-behind for MikroORM 7: Redis first, PostgreSQL in bulk, exactly once',
  lang: 'en',
  base,
  outDir: '../dist/site',
  cacheDir: '../dist/site-cache',
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: `${base}favicon.svg` }]],
  lastUpdated: false,
  markdown: {
    anchor: { slugify: anchorOf },
    theme: { light: 'github-light-high-contrast', dark: 'github-dark' },
    config: linkOutside,
  },
  // The API reference is written into the built site after the pages. `tools/site.mjs` checks links to it.
  ignoreDeadLinks: [/^\/reference\//],
  themeConfig: {
    nav: [
      { text: 'Start', link: '/start-nestjs', activeMatch: '/start-' },
      { text: 'Guarantees', link: '/guarantees' },
      { text: 'Operations', link: '/symptoms' },
      { text: 'API', link: '/reference/index.html', target: '_self' },
    ],
    sidebar,
    outline: { level: [2, 3] },
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: repository }],
    externalLinkIcon: true,
  },
  buildEnd: ({ outDir }) => writeTextsForModels(outDir),
});
