import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { SpillwayInstrumentation, type SpillwayInstrumentationConfig } from '@spillway/telemetry/opentelemetry';
import { Measured } from './measured.js';

/** An instrumentation that is enabled, with a reader of metrics and an exporter of spans of the SDK. */
export interface Instrumented extends Disposable {
  readonly measured: Measured;
  readonly spans: InMemorySpanExporter;
  readonly tracers: TracerProvider;
}

export function instrumented(config?: SpillwayInstrumentationConfig): Instrumented {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 30 });
  const spans = new InMemorySpanExporter();
  const tracers = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spans })] });
  const instrumentation = new SpillwayInstrumentation(config);
  instrumentation.setMeterProvider(new MeterProvider({ readers: [reader] }));
  instrumentation.setTracerProvider(tracers);
  instrumentation.enable();
  return {
    measured: new Measured(reader),
    spans,
    tracers,
    [Symbol.dispose]: () => instrumentation.disable(),
  };
}
