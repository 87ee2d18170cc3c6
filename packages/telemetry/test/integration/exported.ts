import { channel } from 'node:diagnostics_channel';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import type { EventMessage, Health, LifeMessage, SpillwayEvent, SpillwayStatus, TelemetrySource } from '@spillway/core';
import { SpillwayInstrumentation } from '@spillway/telemetry/opentelemetry';

/** The metrics of this process as the Prometheus exporter of OpenTelemetry shows them. */
export interface Exported extends Disposable {
  scrape(): Promise<string>;
}

export function exported(): Exported {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const instrumentation = new SpillwayInstrumentation();
  instrumentation.setMeterProvider(new MeterProvider({ readers: [exporter] }));
  instrumentation.enable();
  return {
    async scrape() {
      const { resourceMetrics } = await exporter.collect();
      return new PrometheusSerializer().serialize(resourceMetrics);
    },
    [Symbol.dispose]: () => instrumentation.disable(),
  };
}

const QUIET: SpillwayStatus = {
  pending: {},
  held: 0,
  inFlight: 0,
  dead: 0,
  deadDropped: 0,
  staged: 0,
  coalesced: 0,
  annihilated: 0,
  forcedDrains: {},
  writes: {},
  paused: { all: false, entities: [] },
};

/** What an engine answers that has trouble, for states that a test cannot wait for. */
export interface Trouble {
  readonly status?: Partial<SpillwayStatus>;
  readonly health?: Partial<Health>;
}

/** An engine that answers this, and is open until it is disposed of. */
export function troubled(namespace: string, trouble: () => Trouble): Disposable & { tell(event: SpillwayEvent): void } {
  const source: TelemetrySource = {
    namespace,
    limits: () => ({ Product: 1_000 }),
    status: async () => Promise.resolve({ ...QUIET, ...trouble().status }),
    health: async () => Promise.resolve({ status: 'up', states: [], problems: [], ...trouble().health }),
  };
  channel('spillway:open').publish({ source } satisfies LifeMessage);
  return {
    tell: (event) => channel('spillway:event').publish({ source, event } satisfies EventMessage),
    [Symbol.dispose]: () => channel('spillway:close').publish({ source } satisfies LifeMessage),
  };
}
