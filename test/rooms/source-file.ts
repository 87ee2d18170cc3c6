import { parseSync } from 'oxc-parser';

/** What the rules look at in one file of `src`. */
export interface SourceFile {
  /** Relative to `src`, with `/`. */
  readonly path: string;
  readonly lines: number;
  readonly imports: readonly Import[];
  /** The texts in quotes and templates, placeholders left out. */
  readonly texts: readonly string[];
  /** The arrays that are spread into the arguments of a call, as they stand there; rest parameters left out. */
  readonly spreads: readonly string[];
}

export interface Import {
  readonly from: string;
  readonly isType: boolean;
}

export function parseSourceFile(path: string, code: string): SourceFile {
  const { module, program, errors } = parseSync(path, code);
  const [error] = errors;
  if (error) throw new Error(`${path} cannot be parsed: ${error.message}`);
  const imports = [
    ...module.staticImports.map(({ moduleRequest, entries }) => ({
      from: moduleRequest.value,
      isType: entries.length > 0 && entries.every((entry) => entry.isType),
    })),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap(({ moduleRequest, isType }) => (moduleRequest ? [{ from: moduleRequest.value, isType }] : [])),
    ),
  ];
  const texts: string[] = [];
  visit(program, (node) => {
    if (node.type === 'Literal' && typeof node['value'] === 'string') texts.push(node['value']);
    if (node.type === 'TemplateLiteral') texts.push(textOfTemplate(node));
    const source = node.type === 'ImportExpression' || node.type === 'TSImportType' ? node['source'] : undefined;
    if (isNode(source) && typeof source['value'] === 'string') {
      imports.push({ from: source['value'], isType: node.type === 'TSImportType' });
    }
  });
  return { path, lines: code.split('\n').length - 1, imports, texts, spreads: spreadsIn(program, code) };
}

/**
 * What came as the arguments of one call may be those of another, and what is written down there is short. How long any
 * other array is, nobody knows.
 */
function spreadsIn(program: unknown, code: string): string[] {
  const rest = new Set<unknown>();
  const spreads: Node[] = [];
  visit(program, (node) => {
    for (const parameter of nodesIn(node['params']))
      if (parameter.type === 'RestElement' && isNode(parameter['argument'])) rest.add(parameter['argument']['name']);
    if (node.type !== 'CallExpression' && node.type !== 'NewExpression') return;
    for (const argument of nodesIn(node['arguments'])) {
      if (argument.type === 'SpreadElement' && isNode(argument['argument']))
        spreads.push(withoutCast(argument['argument']));
    }
  });
  return spreads
    .filter(({ type, name }) => type !== 'ArrayExpression' && (type !== 'Identifier' || !rest.has(name)))
    .map(({ start, end }) => code.slice(Number(start), Number(end)));
}

function withoutCast(node: Node): Node {
  const { type, expression } = node;
  const isCast = type === 'TSAsExpression' || type === 'ParenthesizedExpression';
  return isCast && isNode(expression) ? withoutCast(expression) : node;
}

function nodesIn(value: unknown): Node[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}

interface Node {
  readonly type: string;
  readonly [property: string]: unknown;
}

function visit(value: unknown, see: (node: Node) => void): void {
  if (Array.isArray(value)) for (const item of value) visit(item, see);
  if (!isNode(value)) return;
  see(value);
  for (const child of Object.values(value)) visit(child, see);
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

function textOfTemplate(node: Node): string {
  const parts: string[] = [];
  visit(node['quasis'], (part) => {
    const value = part['value'];
    if (typeof value === 'object' && value !== null && 'cooked' in value) parts.push(String(value.cooked));
  });
  return parts.join(' ? ');
}
