import type { FlushSettings } from './flush-settings.js';

/** What decisions are made from, besides what is on the board. */
export interface TurnContext {
  readonly settings: FlushSettings;
  /** From 0 up to 1. */
  readonly random: () => number;
}
