import type {
  ActReport,
  Capabilities,
  Depths,
  FindingView,
  LetterDetail,
  LetterId,
  LetterList,
  LifeView,
} from '../src/wire.js';

/** Which dead letters are meant; an empty text means all. */
export interface Filter {
  readonly entity: string;
  readonly code: string;
}

async function get<T>(path: string, query: Readonly<Record<string, string | number>> = {}): Promise<T> {
  const given = Object.entries(query).filter(([, value]) => value !== '');
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  return answerOf<T>(await fetch(`api/${path}?${search}`));
}

async function post<T>(path: string, body: object): Promise<T> {
  const headers = { 'content-type': 'application/json', 'x-spillway-dashboard': '1' };
  return answerOf<T>(await fetch(`api/${path}`, { method: 'POST', headers, body: JSON.stringify(body) }));
}

/** @throws Error in words for a person */
async function answerOf<T>(response: Response): Promise<T> {
  const text = await response.text();
  if (response.ok) return JSON.parse(text) as T;
  if (text === '') throw new Error(`You may not see this (status ${response.status}). Sign in again.`);
  throw new Error((JSON.parse(text) as { readonly error: string }).error);
}

const stated = ({ entity, code }: Filter): object => ({ ...(entity && { entity }), ...(code && { code }) });

export const api = {
  capabilities: async () => get<Capabilities>('capabilities'),
  depths: async () => get<Depths>('depths'),
  letters: async (filter: Filter, offset: number, limit: number) =>
    get<LetterList>('letters', { ...filter, offset, limit }),
  letter: async ({ shard, id }: LetterId) => get<LetterDetail>('letter', { shard, id }),
  life: async (entity: string, key: string) => get<LifeView>('life', { entity, key }),
  findings: async () => get<readonly FindingView[]>('findings'),
  retry: async (letters: readonly LetterId[], force: boolean, values?: object) =>
    post<ActReport>('letters/retry', { letters: letters.map(idOf), force, ...(values && { values }) }),
  discard: async (letters: readonly LetterId[]) => post<ActReport>('letters/discard', { letters: letters.map(idOf) }),
  retryAll: async (filter: Filter, force: boolean) =>
    post<ActReport>('letters/retry-all', { filter: stated(filter), force }),
  discardAll: async (filter: Filter) => post<ActReport>('letters/discard-all', { filter: stated(filter) }),
  pause: async (entity?: string) => post<object>('pause', entity === undefined ? {} : { entity }),
  resume: async (entity?: string) => post<object>('resume', entity === undefined ? {} : { entity }),
};

function idOf({ shard, id }: LetterId): LetterId {
  return { shard, id };
}
