/** `npm run events-page` writes `docs/events.md` anew, out of the types of the events and their comments. */
import { readFileSync, writeFileSync } from 'node:fs';
import { eventsPage } from './site/events-page.mjs';

const source = readFileSync(new URL('../packages/core/src/events.ts', import.meta.url), 'utf8');
writeFileSync(new URL('../docs/events.md', import.meta.url), eventsPage(source));
