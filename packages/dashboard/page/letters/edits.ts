/** Property -> the JSON text that a person has typed in the place of the staged one. */
export type Edits = Readonly<Record<string, string>>;

/** The typed values. A text that is no JSON is a problem, in words. */
export function readEdits(edits: Edits): {
  readonly values: Readonly<Record<string, unknown>>;
  readonly problem?: string;
} {
  const values: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(edits))
    try {
      values[name] = JSON.parse(text);
    } catch {
      return { values, problem: `The value of ${name} is not JSON. A text stands in quotes: "${text}"` };
    }
  return { values };
}
