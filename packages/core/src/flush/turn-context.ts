import type { FlushSettings } from './flush-settings.js';

/** The inputs of decisions besides the board. */
export interface TurnContext {
  readonly settings: FlushSettings;
  /** From 0 up to 1. */
  readonly random: () => number;
}
