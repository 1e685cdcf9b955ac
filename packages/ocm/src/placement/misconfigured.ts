/** A Placement that means nothing: the message names the field. Decisions stay as they were. */
export class MisconfiguredError extends Error {
  override readonly name = "MisconfiguredError";
}
