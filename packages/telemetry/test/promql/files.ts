import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string; readonly runbook_url: string };
}

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

export const alertFile: string = fileURLToPath(new URL('../../prometheus/alerts.yml', import.meta.url));

export function alertRules(): readonly Rule[] {
  const { groups } = parse(readFileSync(alertFile, 'utf8')) as {
    readonly groups: readonly { readonly rules: Rule[] }[];
  };
  return groups.flatMap(({ rules }) => rules);
}

export function dashboardPanels(): readonly Panel[] {
  const file = fileURLToPath(new URL('../../grafana/spillway.json', import.meta.url));
  return (JSON.parse(readFileSync(file, 'utf8')) as { readonly panels: readonly Panel[] }).panels;
}

/** A query of the dashboard, with the values that Grafana gives its variables. */
export function asGrafanaSendsIt(expr: string): string {
  return expr.replaceAll('$namespace', '.*').replaceAll('$__rate_interval', '5m');
}
