/** What a namespace may be called: nothing that has a meaning in a hash tag, or in the pattern of an ACL. */
export const NAMESPACE: RegExp = /^[\w.:-]{1,64}$/u;

/** The keys of one shard. All share a hash tag, so they live in one hash slot, and one script may touch them. */
export interface ShardKeys {
  readonly chain: string;
  readonly dirty: string;
  readonly due: string;
  readonly flight: string;
  readonly seen: string;
  readonly 'seen:old': string;
  readonly recent: string;
  readonly 'recent:old': string;
  readonly dead: string;
  readonly stats: string;
  readonly held: string;
  readonly holds: string;
  readonly cache: string;
  readonly 'cache:old': string;
  readonly 'cache:blocks': string;
  /** Never exists. The check of rights tries commands on it. */
  readonly tried: string;
}

export type KeyName = keyof ShardKeys;

/** @param tag what stands in the braces; a cluster puts keys with the same tag in one slot */
export function shardKeys(namespace: string, shard: number, tag = `${namespace}:${shard}`): ShardKeys {
  const key = (name: KeyName): string => `{${tag}}:${name}`;
  return {
    chain: key('chain'),
    dirty: key('dirty'),
    due: key('due'),
    flight: key('flight'),
    seen: key('seen'),
    'seen:old': key('seen:old'),
    recent: key('recent'),
    'recent:old': key('recent:old'),
    dead: key('dead'),
    stats: key('stats'),
    held: key('held'),
    holds: key('holds'),
    cache: key('cache'),
    'cache:old': key('cache:old'),
    'cache:blocks': key('cache:blocks'),
    tried: key('tried'),
  };
}

/** The key of the map, on a server that is one of several. */
export function mapKey(namespace: string): string {
  return `{${namespace}:map}:node`;
}

/** Fingerprint, name of the server's node, and the map in words, as JSON. */
export const MAP_FIELD = 'map';
