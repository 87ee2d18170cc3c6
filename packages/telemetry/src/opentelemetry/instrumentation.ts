import { metrics, type MeterProvider } from '@opentelemetry/api';
import { Recorder } from '../metrics/recorder.js';
import { Sources } from '../metrics/sources.js';
import { VERSION } from '../version.js';
import { Instruments } from './instruments.js';

const NAME = '@spillway/telemetry';

/**
 * Metrics and spans of every Spillway of this process, for OpenTelemetry. It has the methods of an instrumentation, so
 * `registerInstrumentations()` and `NodeSDK` take it.
 *
 * @example
 * ```ts
 * new NodeSDK({ metricReaders: [reader], instrumentations: [new SpillwayInstrumentation()] }).start();
 * ```
 */
export class SpillwayInstrumentation {
  readonly instrumentationName: string = NAME;
  readonly instrumentationVersion: string = VERSION;
  readonly #sources = new Sources();
  #meters: MeterProvider | undefined;
  #instruments: Instruments | undefined;
  #recorder: Recorder | undefined;

  /** Measures from now on. Calling it again changes nothing. */
  enable(): void {
    if (this.#instruments) return;
    const meter = (this.#meters ?? metrics.getMeterProvider()).getMeter(NAME, VERSION);
    this.#sources.start();
    this.#instruments = new Instruments(meter, () => this.#sources);
    this.#recorder = new Recorder(this.#instruments);
    this.#recorder.start();
  }

  /** Measures nothing from now on. */
  disable(): void {
    this.#recorder?.stop();
    this.#instruments?.close();
    this.#sources.stop();
    this.#recorder = undefined;
    this.#instruments = undefined;
  }

  /** @param provider instead of the global one */
  setMeterProvider(provider: MeterProvider): void {
    this.#meters = provider;
    if (!this.#instruments) return;
    this.disable();
    this.enable();
  }
}
