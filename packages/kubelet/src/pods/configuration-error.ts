/** The pod refers to what is not there, or asks for what this node cannot give: reason CreateContainerConfigError. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
}
