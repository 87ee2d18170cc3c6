/** The texts of a row key's primary key; a row key is a JSON list of schema, table and these. */
export function keyText(rowKey: string): string {
  try {
    const [, , ...key] = JSON.parse(rowKey) as readonly string[];
    return key.join(', ');
  } catch {
    return rowKey;
  }
}

/** The forms in which a key that a person has typed may be meant: a list or an object as JSON, a text, a number. */
export function keysMeant(typed: string): readonly unknown[] {
  const text = typed.trim();
  if (/^[[{]/.test(text))
    try {
      return [JSON.parse(text)];
    } catch {
      return [text];
    }
  return /^-?\d{1,15}$/.test(text) ? [Number(text), text] : [text];
}
