/** The generators could not say which Applications there should be: nothing may be deleted. */
export class GeneratorError extends Error {
  override readonly name = "GeneratorError";
}
