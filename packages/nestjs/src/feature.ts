import type { ModulesContainer } from '@nestjs/core';
import type { SpillwayOptions } from '@spillway/core';

type Policies = NonNullable<SpillwayOptions['policies']>;

/** What one `SpillwayModule.forFeature()` says. Each stands among the providers of its module, where it is found before anything is made. */
export class SpillwayFeature {
  readonly contextName: string | undefined;
  readonly policies: Policies;

  constructor(policies: Policies, contextName: string | undefined) {
    this.policies = policies;
    this.contextName = contextName;
  }
}

/** The policies of all features of a context that the application imports. A module that is imported twice says them once. */
export function featurePolicies(modules: ModulesContainer, contextName: string | undefined): Policies {
  const found = new Set<SpillwayFeature>();
  for (const module of modules.values()) {
    for (const { instance } of module.providers.values()) {
      const value: unknown = instance;
      if (value instanceof SpillwayFeature && value.contextName === contextName) found.add(value);
    }
  }
  return [...found].flatMap(({ policies }) => policies);
}
