/** Colours of a chart. Text has a contrast of at least 4.5 to 1 on its background. */
export interface Theme {
  readonly background: string;
  readonly text: string;
  readonly faint: string;
  readonly bar: string;
  readonly spread: string;
  readonly line: string;
}

export const themes = {
  light: {
    background: '#ffffff',
    text: '#1f2328',
    faint: '#59636e',
    bar: '#4a90d9',
    spread: '#123a66',
    line: '#8c959f',
  },
  dark: {
    background: '#0d1117',
    text: '#f0f6fc',
    faint: '#9198a1',
    bar: '#3b78b5',
    spread: '#cfe3f9',
    line: '#656c76',
  },
} as const satisfies Readonly<Record<string, Theme>>;
