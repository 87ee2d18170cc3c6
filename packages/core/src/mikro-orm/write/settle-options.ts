export interface SettleOptions {
  /** Once it is aborted, the call ends with its reason, and may be made again. */
  readonly signal?: AbortSignal;
}
