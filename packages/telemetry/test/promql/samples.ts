/** One line of the text format of Prometheus. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** What it was one scrape earlier. Absent: it was not there. */
  readonly before?: number;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** @param earlier the text of the scrape before */
export function samplesOf(text: string, earlier = ''): readonly Sample[] {
  const before = new Map(linesOf(earlier).map((sample) => [seriesOf(sample), sample.value]));
  return linesOf(text).map((sample) => {
    const was = before.get(seriesOf(sample));
    return was === undefined ? sample : { ...sample, before: was };
  });
}

function linesOf(text: string): readonly Sample[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', labels = '', value = ''] = LINE.exec(line) ?? [];
      if (name === '') throw new Error(`This is no line of Prometheus: ${line}`);
      const pairs = [...labels.matchAll(LABEL)].map(([, label = '', content = '']) => [label, content]);
      return { name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) };
    });
}

function seriesOf({ name, labels }: Sample): string {
  return `${name} ${JSON.stringify(Object.entries(labels).toSorted(([one], [other]) => (one < other ? -1 : 1)))}`;
}
