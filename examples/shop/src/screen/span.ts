import { styleText } from 'node:util';

/** A part of a line with the way it looks. Lines are cut to the terminal before they are painted. */
export interface Span {
  readonly text: string;
  readonly style?: Style;
}

export type Style = 'bold' | 'dim' | 'cyan' | 'green' | 'yellow' | 'red';
export type Paint = (style: Style, text: string) => string;

/** Colours, unless the terminal has none or NO_COLOR is set. */
export function paintFor(out: NodeJS.WriteStream, env: NodeJS.ProcessEnv): Paint {
  const isPlain = out.getColorDepth(env) === 1;
  return (style, text) => (isPlain ? text : styleText(style, text, { validateStream: false }));
}

/** One line of a terminal, at most `width` characters of it. */
export function line(spans: readonly Span[], width: number, paint: Paint): string {
  let left = width;
  return spans
    .map(({ text, style }) => {
      const shown = text.slice(0, left);
      left -= shown.length;
      return style === undefined || shown === '' ? shown : paint(style, shown);
    })
    .join('')
    .trimEnd();
}
