import type { MikroORM } from '@mikro-orm/core';
import { Spillway } from '@spillway/core';
import { COUNTERS, type CounterName } from '../metrics/counters.js';
import { HISTOGRAMS, type HistogramName } from '../metrics/histograms.js';
import { observe, type Observation } from '../metrics/observe.js';
import { OBSERVED, type ObservedName } from '../metrics/observed.js';
import { Recorder } from '../metrics/recorder.js';
import { linesOfDistributions, linesOfValues } from './exposition.js';
import { type Series, SeriesMap } from './series.js';
import { Sums } from './sums.js';

/** The `Content-Type` of what `prometheusText` answers. */
export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

let sums: Sums | undefined;

/**
 * All metrics of one or more ORMs as text for Prometheus, for applications without OpenTelemetry. The first call of a
 * process begins to count and to time: call it where the process starts, or let the first scrape do it.
 *
 * Each call asks Redis and PostgreSQL once. What does not answer is left out, so it never rejects for their sake.
 *
 * @example
 * ```ts
 * app.get('/metrics', async (_request, response) => {
 *   response.type(PROMETHEUS_CONTENT_TYPE).send(await prometheusText(orm));
 * });
 * ```
 * @throws SpillwayError `CONFIG_INVALID` for an ORM without `spillway()`
 */
export async function prometheusText(
  orms: Pick<MikroORM, 'config'> | readonly Pick<MikroORM, 'config'>[],
): Promise<string> {
  const counted = counting();
  const sources = (isList(orms) ? orms : [orms]).map((orm) => Spillway.of(orm).telemetrySource);
  const observed = seriesOf((await Promise.all(sources.map(observe))).flat());
  const namespaces = new Set<string | undefined>(sources.map(({ namespace }) => namespace));
  const own = <Value>(series: Iterable<Series<Value>>): Series<Value>[] =>
    [...series].filter(({ attributes }) => namespaces.has(attributes['spillway.namespace']));
  const lines = [
    ...namesIn(HISTOGRAMS).flatMap((name: HistogramName) =>
      linesOfDistributions(name, HISTOGRAMS[name], own(counted.histogram(name))),
    ),
    ...namesIn(COUNTERS).flatMap((name: CounterName) =>
      linesOfValues(name, COUNTERS[name], own(counted.counter(name))),
    ),
    ...namesIn(OBSERVED).flatMap((name) => linesOfValues(name, OBSERVED[name], observed.get(name) ?? [])),
  ];
  return `${lines.join('\n')}\n`;
}

function counting(): Sums {
  if (sums === undefined) {
    sums = new Sums();
    new Recorder(sums).start();
  }
  return sums;
}

/** Engines of one namespace answer the same where it is shared; the rest is added up. */
function seriesOf(observations: readonly Observation[]): ReadonlyMap<ObservedName, SeriesMap<number>> {
  const found = new Map<ObservedName, SeriesMap<number>>();
  for (const { metric, value, attributes } of observations) {
    const series = found.get(metric) ?? new SeriesMap<number>();
    found.set(metric, series);
    const own = series.of(attributes, () => 0);
    own.value = OBSERVED[metric].isShared ? value : own.value + value;
  }
  return found;
}

function namesIn<Name extends string>(table: Readonly<Record<Name, unknown>>): readonly Name[] {
  return Object.keys(table) as Name[];
}

function isList<T>(given: T | readonly T[]): given is readonly T[] {
  return Array.isArray(given);
}
