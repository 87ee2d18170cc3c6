import type { DefaultTheme } from 'vitepress';

/** Every page of the site, in the order of a first reading. A test compares it with the files. */
export const sidebar: DefaultTheme.SidebarItem[] = [
  group('Start', {
    'start-nestjs': 'NestJS in five minutes',
    'start-express': 'Express in five minutes',
    installing: 'Installing',
    concepts: 'Concepts',
    'when-not': 'When not to use it',
    comparison: 'Comparison',
  }),
  group('Use', {
    adopting: 'Adopting and rolling back',
    entities: 'Entities, feature by feature',
    queries: 'Queries',
    api: 'Repository, receipts, validation',
    conflicts: 'Conflicts',
    express: 'Express',
    testing: 'Testing your application',
    limits: 'Limits',
  }),
  group('Operate', {
    symptoms: 'By symptom',
    operations: 'Operations',
    cli: 'Command line',
    dashboard: 'Dashboard',
    telemetry: 'Telemetry',
    deploying: 'Docker and Kubernetes',
    poolers: 'Poolers',
    performance: 'Performance and tuning',
    scaling: 'Scaling and sizing',
    compatibility: 'Compatibility',
  }),
  group('Look up', {
    guarantees: 'Guarantees',
    options: 'Options',
    errors: 'Errors',
    events: 'Events',
  }),
  group('Inside', {
    internals: 'Internals',
    'decisions/README': 'Decisions',
    releasing: 'How a release is made',
  }),
];

function group(text: string, pages: Readonly<Record<string, string>>): DefaultTheme.SidebarItem {
  return { text, items: Object.entries(pages).map(([page, title]) => ({ text: title, link: `/${page}` })) };
}
