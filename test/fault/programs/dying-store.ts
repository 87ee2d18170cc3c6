import type { StagingStore } from '@spillway/core';
import { die, type ApplicationSettings } from './settings.js';

/** A staging store whose process dies around one stage call. */
export function dyingStore(store: StagingStore, at: NonNullable<ApplicationSettings['dieAt']>): StagingStore {
  let calls = 0;
  const stage: StagingStore['stage'] = async (call) => {
    calls += 1;
    if (calls === at.call && at.moment === 'before-stage') await die();
    const answer = await store.stage(call);
    if (calls === at.call && at.moment === 'after-stage') await die();
    return answer;
  };
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'stage') return stage;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
