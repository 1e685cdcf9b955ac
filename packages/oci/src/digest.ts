import { createHash, type Hash } from "node:crypto";

/** A content digest (image-spec `descriptor.md`): algorithm and lower-case hexadecimal hash. */
export type Digest = `${DigestAlgorithm}:${string}`;
export type DigestAlgorithm = "sha256" | "sha512";

/** The two algorithms that image-spec registers and whose hexadecimal lengths are fixed. */
const HEX_LENGTH: Record<DigestAlgorithm, number> = { sha256: 64, sha512: 128 };

/** True for a well-formed digest of a supported algorithm. */
export function isDigest(text: string): text is Digest {
  const { algorithm, hex } = splitDigest(text);
  return (
    (algorithm === "sha256" || algorithm === "sha512") &&
    hex.length === HEX_LENGTH[algorithm] &&
    /^[0-9a-f]+$/.test(hex)
  );
}

/** The digest in a text. Throws with what is wrong: outside input says what it pins, so nothing is guessed. */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new DigestError(
    `"${text.slice(0, 160)}" is not a digest: want sha256: and 64, or sha512: and 128, lower-case hexadecimal digits`,
  );
}

/** Algorithm and hash of a digest; used for file paths, so only call it with a checked one. */
export function splitDigest(digest: string): { algorithm: string; hex: string } {
  const colon = digest.indexOf(":");
  return { algorithm: digest.slice(0, Math.max(colon, 0)), hex: digest.slice(colon + 1) };
}

/** The algorithm of a digest. */
export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.startsWith("sha512:") ? "sha512" : "sha256";
}

/** The digest of bytes in memory. */
export function digestOf(bytes: Uint8Array | string, algorithm: DigestAlgorithm = "sha256"): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}

/** Hashes a stream piece by piece: `update` as bytes pass, `digest` once at the end. */
export class DigestHasher {
  readonly #hash: Hash;
  readonly #algorithm: DigestAlgorithm;
  size = 0;

  constructor(algorithm: DigestAlgorithm = "sha256") {
    this.#algorithm = algorithm;
    this.#hash = createHash(algorithm);
  }

  update(chunk: Uint8Array): void {
    this.size += chunk.length;
    this.#hash.update(chunk);
  }

  digest(): Digest {
    return `${this.#algorithm}:${this.#hash.digest("hex")}`;
  }
}

/** Content that is not what its digest says, or a digest that is none. */
export class DigestError extends Error {
  override readonly name = "DigestError";
}

/**
 * Passes a stream through and throws at its end unless it had this digest and size; also as soon as it is longer,
 * so that an endless answer cannot fill a disk.
 * @param what names the content in errors, e.g. `blob sha256:… of example.com/app`
 */
export async function* verifyStream(
  source: AsyncIterable<Uint8Array>,
  expected: { digest: Digest; size?: number | undefined },
  what: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hasher = new DigestHasher(algorithmOf(expected.digest));
  for await (const chunk of source) {
    hasher.update(chunk);
    if (expected.size !== undefined && hasher.size > expected.size) {
      throw new DigestError(`${what}: more than the ${expected.size} bytes of its descriptor`);
    }
    yield chunk;
  }
  checkDigest(hasher, expected, what);
}

/** Throws unless the hasher saw exactly what is expected. */
export function checkDigest(
  hasher: DigestHasher,
  expected: { digest: Digest; size?: number | undefined },
  what: string,
): void {
  if (expected.size !== undefined && hasher.size !== expected.size) {
    throw new DigestError(`${what}: ${hasher.size} bytes, but its descriptor says ${expected.size}`);
  }
  const actual = hasher.digest();
  if (actual !== expected.digest) throw new DigestError(`${what}: its content has the digest ${actual}`);
}
