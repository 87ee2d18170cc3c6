/** How class-validator is called; the names and meanings are its own. */
export interface ValidateOptions {
  /** Only decorators of these groups count. */
  readonly groups?: readonly string[];
  /** Decorators without a group count in every group. */
  readonly always?: boolean;
  /** Without `groups`, decorators with a group do not count. */
  readonly strictGroups?: boolean;
  /** Of each property only the first constraint that fails is told. */
  readonly stopAtFirstError?: boolean;
}

/** The option that both modes have. */
export interface ValidatingOptions {
  /**
   * Whether class-validator's decorators are asked before anything is staged or written: the whole entity when it is new, its changed properties otherwise; never its relations. An object names groups.
   * It costs nothing where a class has no such decorators, or class-validator is not installed.
   * @defaultValue `true`
   */
  readonly validate?: boolean | ValidateOptions;
}
