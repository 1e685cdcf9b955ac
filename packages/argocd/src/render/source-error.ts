/** The source cannot be turned into manifests; the message is for the user (condition ComparisonError). */
export class SourceError extends Error {
  override readonly name = "SourceError";
}
