/** Where a command prints, and what that place can show. */
export interface Terminal {
  /** True if a person reads standard output: tables, colours and progress may be shown. */
  readonly isInteractive: boolean;
  /** True if standard error is a terminal: a progress bar may be drawn there. */
  readonly hasProgress: boolean;
  /** Columns of the terminal. */
  readonly width: number;
  readonly hasColour: boolean;
  /** Prints the answer, on standard output. */
  print(text: string): void;
  /** Prints a message that is no part of the answer, on standard error. */
  say(text: string): void;
  /** Clears the screen, for an answer that is printed again and again. */
  clear(): void;
}
