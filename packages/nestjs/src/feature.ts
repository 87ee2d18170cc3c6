import type { ModulesContainer } from '@nestjs/core';
import type { SpillwayOptions } from '@spillway/core';

type Policies = NonNullable<SpillwayOptions['policies']>;

/**
 * The policies of one `SpillwayModule.forFeature()`. It stands among its module's providers, where it is found before
 * any provider is created.
 */
export class SpillwayFeature {
  readonly contextName: string | undefined;
  readonly policies: Policies;

  constructor(policies: Policies, contextName: string | undefined) {
    this.policies = policies;
    this.contextName = contextName;
  }
}

/**
 * The policies of all features of a context that the application imports. A module that is imported twice counts once.
 */
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
