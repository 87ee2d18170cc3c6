declare module 'parse-prometheus-text-format' {
  /** Parses the text format of Prometheus into families of metrics. */
  export default function parse(text: string): unknown[];
}
