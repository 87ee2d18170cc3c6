import { metrics, trace, type MeterProvider, type TracerProvider } from '@opentelemetry/api';
import { Recorder } from '../metrics/recorder.js';
import { Sources } from '../metrics/sources.js';
import { VERSION } from '../version.js';
import { Instruments } from './instruments.js';
import { type LinkStore, ProcessLinks } from './links.js';
import { Spans } from './spans.js';

const NAME = '@spillway/telemetry';

export interface SpillwayInstrumentationConfig {
  /** `false`: nothing is measured or traced. @defaultValue true */
  readonly enabled?: boolean;
  /** How a flush finds the spans of requests that staged its rows. @defaultValue a memory of this process */
  readonly links?: LinkStore;
}

/**
 * Metrics and spans of every Spillway of this process, for OpenTelemetry. It has the methods of an instrumentation, so
 * `registerInstrumentations()` and `NodeSDK` take it. It patches no module, so it may be made before or after Spillway.
 *
 * @example
 * ```ts
 * new NodeSDK({ metricReaders: [reader], instrumentations: [new SpillwayInstrumentation()] }).start();
 * ```
 */
export class SpillwayInstrumentation {
  readonly instrumentationName: string = NAME;
  readonly instrumentationVersion: string = VERSION;
  #config: SpillwayInstrumentationConfig;
  #meters: MeterProvider | undefined;
  #tracers: TracerProvider | undefined;
  #stop: (() => void) | undefined;

  constructor(config: SpillwayInstrumentationConfig = {}) {
    this.#config = config;
  }

  /** Measures and traces from now on. Calling it again changes nothing. */
  enable(): void {
    if (this.#stop || this.#config.enabled === false) return;
    const sources = new Sources();
    const meter = (this.#meters ?? metrics.getMeterProvider()).getMeter(NAME, VERSION);
    const tracer = (this.#tracers ?? trace.getTracerProvider()).getTracer(NAME, VERSION);
    const instruments = new Instruments(meter, () => sources);
    const parts = [sources, new Recorder(instruments), new Spans(tracer, this.#config.links ?? new ProcessLinks())];
    for (const part of parts) part.start();
    this.#stop = () => {
      for (const part of parts) part.stop();
      instruments.close();
    };
  }

  /** Measures and traces nothing from now on. */
  disable(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  /** @param provider instead of the global one */
  setMeterProvider(provider: MeterProvider): void {
    this.#meters = provider;
    this.#beginAgain();
  }

  /** @param provider instead of the global one */
  setTracerProvider(provider: TracerProvider): void {
    this.#tracers = provider;
    this.#beginAgain();
  }

  getConfig(): SpillwayInstrumentationConfig {
    return this.#config;
  }

  setConfig(config: SpillwayInstrumentationConfig): void {
    this.#config = config;
    this.#beginAgain();
  }

  /** Where it is enabled, it goes on with what it has now. */
  #beginAgain(): void {
    if (!this.#stop) return;
    this.disable();
    this.enable();
  }
}
