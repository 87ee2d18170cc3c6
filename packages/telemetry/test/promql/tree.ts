import { parser } from '@prometheus-io/lezer-promql';

/** A node of a parsed query, with its own text. */
export interface Node {
  readonly type: string;
  readonly text: string;
  readonly children: readonly Node[];
}

/** @throws Error that names the query, if it is no PromQL */
export function parsed(query: string): Node {
  const convert = (node: ReturnType<typeof parser.parse>['topNode']): Node => {
    if (node.type.isError) throw new Error(`This is no PromQL, at ${node.from}: ${query}`);
    const children: Node[] = [];
    for (let child = node.firstChild; child; child = child.nextSibling) children.push(convert(child));
    return { type: node.name, text: query.slice(node.from, node.to), children };
  };
  return convert(parser.parse(query).topNode);
}

/** The nodes of these types, in the order of the query. */
export function nodesOf(node: Node, ...types: readonly string[]): readonly Node[] {
  const below = node.children.flatMap((child) => nodesOf(child, ...types));
  return types.includes(node.type) ? [node, ...below] : below;
}

/** Which series a selector takes: each matcher compares one label, `__name__` too. */
export interface Matcher {
  readonly label: string;
  readonly operator: string;
  readonly value: string;
}

export function matchersOf(selector: Node): readonly Matcher[] {
  const [name] = selector.children.filter(({ type }) => type === 'Identifier');
  const others = nodesOf(selector, 'UnquotedLabelMatcher').map(({ children }): Matcher => {
    const [label, operator, value] = children.map(({ text }) => text);
    return { label: label ?? '', operator: operator ?? '', value: JSON.parse(value ?? '""') as string };
  });
  return name ? [{ label: '__name__', operator: '=', value: name.text }, ...others] : others;
}

export function matches(text: string, { operator, value }: Matcher): boolean {
  const isSame = operator.endsWith('~') || operator === '=~' ? new RegExp(`^(?:${value})$`).test(text) : text === value;
  return operator.startsWith('!') ? !isSame : isSame;
}
