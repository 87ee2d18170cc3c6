import type { Sample } from './samples.js';
import { type Matcher, matches, matchersOf, nodesOf, parsed, type Node } from './tree.js';

/** One element of the answer of a query. */
export interface Element {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

type Answer = number | readonly Element[];

/** How far apart two scrapes are, as `rate` sees them. */
const SCRAPE_SECONDS = 60;

/**
 * Answers a query as Prometheus would, of two scrapes a minute apart: as much of PromQL as the alert rules use. Where
 * Prometheus is installed, its own tool checks the same rules.
 */
export function evaluate(query: string, samples: readonly Sample[]): readonly Element[] {
  const [root] = parsed(query).children;
  const answer = root ? answerOf(root, samples) : [];
  if (typeof answer === 'number') throw new Error(`This answers a number, and no series: ${query}`);
  return answer;
}

function answerOf(node: Node, samples: readonly Sample[]): Answer {
  const [first] = node.children;
  switch (node.type) {
    case 'ParenExpr':
      return answerOf(first as Node, samples);
    case 'NumberDurationLiteral':
      return Number(node.text);
    case 'VectorSelector':
      return selected(node, samples).map(({ labels, value }) => ({ labels, value }));
    case 'FunctionCall':
      return called(node, samples);
    case 'AggregateExpr':
      return aggregated(node, samples);
    case 'BinaryExpr':
      return combined(node, samples);
    default:
      throw new Error(`The tests know no ${node.type}: ${node.text}`);
  }
}

function selected(selector: Node, samples: readonly Sample[]): readonly Sample[] {
  const matchers: readonly Matcher[] = matchersOf(selector);
  return samples.filter(({ name, labels }) =>
    matchers.every((matcher) => matches(matcher.label === '__name__' ? name : (labels[matcher.label] ?? ''), matcher)),
  );
}

function called(node: Node, samples: readonly Sample[]): readonly Element[] {
  const name = node.children[0]?.text ?? '';
  const found = nodesOf(node, 'VectorSelector').flatMap((selector) => selected(selector, samples));
  if (name === 'absent') return found.length > 0 ? [] : [{ labels: {}, value: 1 }];
  const divisor = { rate: SCRAPE_SECONDS, increase: 1 }[name];
  if (divisor === undefined) throw new Error(`The tests know no function ${name}`);
  return found.flatMap(({ labels, value, before }) =>
    before === undefined ? [] : [{ labels, value: (value - before) / divisor }],
  );
}

const AGGREGATES: Readonly<Record<string, (values: readonly number[]) => number>> = {
  max: (values) => values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY),
  min: (values) => values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY),
  sum: (values) => values.reduce((sum, value) => sum + value, 0),
};

function aggregated(node: Node, samples: readonly Sample[]): readonly Element[] {
  const [operator, modifier, body] = node.children;
  const by = nodesOf(modifier as Node, 'LabelName').map(({ text }) => text);
  const elements = answerOf((body as Node).children[0] as Node, samples) as readonly Element[];
  const groups = Map.groupBy(elements, ({ labels }) => keyOf(labels, by));
  return [...groups.values()].map((group) => ({
    labels: Object.fromEntries(by.map((label) => [label, group[0]?.labels[label] ?? ''])),
    value: AGGREGATES[operator?.text ?? '']?.(group.map(({ value }) => value)) ?? Number.NaN,
  }));
}

const OPERATORS: Readonly<Record<string, (one: number, other: number) => number | boolean>> = {
  '+': (one, other) => one + other,
  '/': (one, other) => one / other,
  '>': (one, other) => one > other,
  '<': (one, other) => one < other,
  '==': (one, other) => one === other,
};

function combined(node: Node, samples: readonly Sample[]): readonly Element[] {
  const [left, operator, right] = node.children;
  const one = answerOf(left as Node, samples) as readonly Element[];
  const other = answerOf(right as Node, samples);
  const combine = OPERATORS[operator?.text ?? ''];
  if (combine === undefined) throw new Error(`The tests know no operator ${operator?.text}`);
  return one.flatMap(({ labels, value }) => {
    const names = Object.keys(labels);
    const partner =
      typeof other === 'number'
        ? other
        : other.find((element) => keyOf(element.labels, names) === keyOf(labels, names))?.value;
    if (partner === undefined) return [];
    const result = combine(value, partner);
    // A comparison keeps the value of the left side, or drops the element.
    if (typeof result === 'boolean') return result ? [{ labels, value }] : [];
    return [{ labels, value: result }];
  });
}

function keyOf(labels: Readonly<Record<string, string>>, names: readonly string[]): string {
  return names.map((name) => `${name}=${labels[name] ?? ''}`).join();
}
