/**
 * The page of all events, out of the type `SpillwayEvent` and its comments. `npm run events-page` writes it; a test
 * compares it with the code.
 *
 * @param {string} source the text of `packages/core/src/events.ts`
 */
export function eventsPage(source) {
  const union = /export type SpillwayEvent =\n(.*?);\n\nexport type/s.exec(source)?.[1];
  if (union === undefined) throw new Error('events.ts has no type SpillwayEvent. Look for it under another name.');
  return `${HEAD}\n${sectionsOf(union).join('\n')}`;
}

const HEAD = `# Events

<!-- Made of packages/core/src/events.ts by "npm run events-page". Change the comments there. -->

Of this process only, by \`on(name, listener)\` or \`events$\` of the service. They carry row keys, never values.
[Operations](operations.md#events) has all of them on one page, and what happens when a listener fails.

\`\`\`ts
service.on('dead-letter', ({ entity, rowKey, code, reason }) => console.error(entity, rowKey, code, reason));
\`\`\`
`;

/** @typedef {{ readonly name: string, readonly text: string, readonly fields: Map<string, Set<string>> }} Event */

/** @param {string} union */
function sectionsOf(union) {
  /** @type {Map<string, Event>} */
  const events = new Map();
  let text = '';
  for (const [whole, comment, object] of union.matchAll(/\/\*\*(.*?)\*\/|\{(.*?)\}/gs)) {
    if (comment !== undefined) text = proseOf(comment);
    if (object === undefined) continue;
    const name = /type: '([a-z-]+)'/.exec(object)?.[1];
    if (name === undefined) throw new Error(`An event has no type: ${whole}`);
    const event = events.get(name) ?? { name, text: textFor(text), fields: new Map() };
    text = '';
    for (const [, field = '', optional = '', type = ''] of object.matchAll(/readonly (\w+)(\??):\s*([^;]+)(?:;|$)/g)) {
      if (field === 'type') continue;
      const shown = optional === '' ? field : `${field}?`;
      event.fields.set(shown, (event.fields.get(shown) ?? new Set()).add(typeOf(type)));
    }
    events.set(name, event);
  }
  return [...events.values()].map(sectionOf);
}

/** @param {string} text */
function textFor(text) {
  return text === '' ? 'What the event before said has ended.' : text;
}

/** @param {Event} event */
function sectionOf({ name, text, fields }) {
  const rows = [...fields].map(([field, types]) => `| \`${field}\` | ${[...types].join(' or ')} |`);
  const table = rows.length === 0 ? 'It carries nothing.' : `| it carries | type |\n|---|---|\n${rows.join('\n')}`;
  return `## ${name}\n\n${wrapped(text)}\n\n${table}\n`;
}

/** @param {string} type */
function typeOf(type) {
  const plain = type.replaceAll(/\s+/g, ' ').replace(/^\| /, '').trim();
  return plain
    .split(' | ')
    .map((each) => `\`${each}\``)
    .join(', ');
}

/** @param {string} comment */
function proseOf(comment) {
  return comment.replaceAll(/\s*\n\s*\*\s?/g, ' ').trim();
}

const WIDEST = 120;

/** @param {string} text */
function wrapped(text) {
  /** @type {string[]} */
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && line.length + word.length >= WIDEST) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.join('\n');
}
