/** How class-validator is called; the names and meanings are its own. */
export interface ValidateOptions {
  /** Only decorators of these groups count. */
  readonly groups?: readonly string[];
  /** Decorators without a group count in every group. */
  readonly always?: boolean;
  /** Without `groups`, decorators with a group do not count. */
  readonly strictGroups?: boolean;
  /** Only the first failing constraint of each property is reported. */
  readonly stopAtFirstError?: boolean;
}

/** An option of both modes. */
export interface ValidatingOptions {
  /**
   * Runs class-validator's decorators before anything is staged or written: on the whole entity when it is new, on its
   * changed properties otherwise; never on its relations. An object names groups. It costs nothing where a class has no
   * such decorators, or class-validator is not installed.
   * @defaultValue `true`
   */
  readonly validate?: boolean | ValidateOptions;
}
