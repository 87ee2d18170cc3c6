export { SpillwayInstrumentation } from './instrumentation.js';
