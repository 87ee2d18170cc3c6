export { SpillwayModule } from './spillway-module.js';
export type {
  SpillwayModuleAsyncOptions,
  SpillwayModuleOptions,
  SpillwayOptionsFactory,
  SpillwayShutdownOptions,
} from './module-options.js';
export { getSpillwayExtensionToken, getSpillwayHealthToken, getSpillwayToken, InjectSpillway } from './tokens.js';
export { OnSpillway } from './on-spillway.js';
export { SpillwayHealthIndicator, type SpillwayHealthResult, type SpillwayLagOptions } from './health-indicator.js';
