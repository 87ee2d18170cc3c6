export { SpillwayInstrumentation, type SpillwayInstrumentationConfig } from './instrumentation.js';
export type { LinkStore } from './links.js';
export { type LinkClient, redisLinks, type RedisLinksOptions } from './redis-links.js';
