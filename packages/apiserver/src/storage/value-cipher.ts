import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { isJsonObject } from "@ai-edge/apimachinery";
import type { StorageKey } from "./event.ts";

/** Group resources whose values hold credentials. ManifestWorks carry Secrets to their sites. */
const ENCRYPTED: ReadonlySet<string> = new Set(["secrets", "manifestworks.work.open-cluster-management.io"]);
/** Before every encrypted value, followed by the key's id; a plain value is JSON and starts with a brace. */
const PREFIX = "enc:aesgcm:v1:";
const ALGORITHM = "aes-256-gcm";
const KEY_BYTES = 32;
/** As NIST SP 800-38D recommends; random ones are safe for 2^32 values per key, far above a cluster's life. */
const IV_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID_BYTES = 4;

interface Key {
  readonly id: string;
  readonly secret: Buffer;
}

/**
 * Encrypts the values that hold credentials, so that a copy of the database alone gives nothing away. The keys are in a file
 * beside it, `{"keys":[{"id","secret"}]}`: the first one writes, all of them read, so a new first key rotates. Values from
 * before stay readable, encrypted or not, and are encrypted with the first key when they are next written.
 */
export class ValueCipher {
  readonly #file: string;
  #keys: readonly Key[];

  /** @throws Error in one line for a key file that cannot be read */
  constructor(dataDir: string) {
    this.#file = join(dataDir, "pki", "encryption-keys.json");
    this.#keys = existsSync(this.#file) ? readKeys(this.#file) : [];
  }

  /** The stored form of a value. The first encrypted one makes the key, if there is none. */
  seal(key: StorageKey, text: string): string {
    if (!ENCRYPTED.has(key.resource)) return text;
    const { id, secret } = this.#writingKey();
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv(ALGORITHM, secret, iv).setAAD(contextOf(key));
    const sealed = [iv, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()];
    return `${PREFIX}${id}:${Buffer.concat(sealed).toString("base64")}`;
  }

  /** The value of a stored form. @throws Error in one line naming object, cause and next step */
  open(key: StorageKey, stored: string): string {
    if (!stored.startsWith(PREFIX)) return stored;
    const end = stored.indexOf(":", PREFIX.length);
    const id = stored.slice(PREFIX.length, end);
    const what = `${key.resource} ${key.namespace}/${key.name}`;
    const known = this.#keys.find((one) => one.id === id);
    if (known === undefined) {
      throw new Error(
        `${what} is encrypted with key ${id}, which ${this.#file} does not have: put back the key file that belongs to this database`,
      );
    }
    const bytes = Buffer.from(stored.slice(end + 1), "base64");
    try {
      const decipher = createDecipheriv(ALGORITHM, known.secret, bytes.subarray(0, IV_BYTES))
        .setAAD(contextOf(key))
        .setAuthTag(bytes.subarray(-TAG_BYTES));
      const text = decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES), undefined, "utf8");
      return text + decipher.final("utf8");
    } catch (error) {
      throw new Error(
        `${what} cannot be decrypted with key ${id}: the database was changed by somebody else, or ${this.#file} was; restore both from the same backup`,
        { cause: error },
      );
    }
  }

  #writingKey(): Key {
    const [first] = this.#keys;
    if (first !== undefined) return first;
    const made = { id: randomBytes(KEY_ID_BYTES).toString("hex"), secret: randomBytes(KEY_BYTES) };
    writeKeys(this.#file, [made]);
    this.#keys = [made];
    return made;
  }
}

/** Binds a value to its place: one row's value put into another row does not open. */
function contextOf({ resource, namespace, name }: StorageKey): Buffer {
  return Buffer.from(JSON.stringify([resource, namespace, name]));
}

function readKeys(file: string): Key[] {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw unreadable(file, error);
  }
  const keys = isJsonObject(content) && Array.isArray(content["keys"]) ? content["keys"] : [];
  const result = keys.flatMap((entry: unknown) => {
    const { id, secret } = isJsonObject(entry) ? entry : {};
    if (typeof id !== "string" || !/^\w+$/.test(id) || typeof secret !== "string") return [];
    const bytes = Buffer.from(secret, "base64");
    return bytes.length === KEY_BYTES ? [{ id, secret: bytes }] : [];
  });
  if (result.length === 0 || result.length !== keys.length) throw unreadable(file, undefined);
  return result;
}

function unreadable(file: string, cause: unknown): Error {
  const message = `${file} does not hold the keys of the database: restore it from a backup`;
  return new Error(message, { cause });
}

/** The key is on disk before anything that needs it. */
function writeKeys(file: string, keys: readonly Key[]): void {
  const content = { keys: keys.map(({ id, secret }) => ({ id, secret: secret.toString("base64") })) };
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const descriptor = openSync(`${file}.new`, "w", 0o600);
  try {
    writeSync(descriptor, `${JSON.stringify(content)}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(`${file}.new`, file);
  const directory = openSync(dirname(file), "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
