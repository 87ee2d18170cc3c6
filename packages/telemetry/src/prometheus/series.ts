import type { Attributes } from '../metrics/attributes.js';

/** One value, or one distribution, of a metric: that of one set of attributes. */
export interface Series<Value> {
  readonly attributes: Attributes;
  value: Value;
}

/** The series of one metric, by their attributes. */
export class SeriesMap<Value> implements Iterable<Series<Value>> {
  readonly #series = new Map<string, Series<Value>>();

  /** The series of these attributes. @param first its value, if there is none yet */
  of(attributes: Attributes, first: () => Value): Series<Value> {
    const key = keyOf(attributes);
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { attributes, value: first() };
      this.#series.set(key, series);
    }
    return series;
  }

  [Symbol.iterator](): Iterator<Series<Value>> {
    return this.#series.values();
  }
}

function keyOf(attributes: Attributes): string {
  return JSON.stringify(Object.entries(attributes).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
