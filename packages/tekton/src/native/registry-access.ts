import {
  createRegistryClient,
  parseReference,
  RegistryError,
  ReferenceError,
  credentialsFor,
} from "@ai-edge/oci";
import type { Reference, RegistryClient, RegistryCredentials, RegistryRepository } from "@ai-edge/oci";
import type { NativeTaskCall } from "./native-task.ts";
import { TaskError } from "./native-task.ts";
import { serviceAccountCredentials } from "./service-account.ts";

/** Credentials for a registry that no Secret of the run names, e.g. those of the core's own registry. */
export type DefaultCredentials = (host: string) => Promise<RegistryCredentials | undefined>;

/** The registries of one native Task, with the credentials of the run's ServiceAccount. */
export class RegistryAccess {
  readonly #call: NativeTaskCall;
  readonly #defaults: DefaultCredentials | undefined;
  readonly #clients = new Map<string, RegistryClient>();

  constructor(call: NativeTaskCall, defaults: DefaultCredentials | undefined) {
    this.#call = call;
    this.#defaults = defaults;
  }

  /** The repository of a reference. */
  async repository(reference: Reference): Promise<RegistryRepository> {
    const { registry: host, repository } = reference;
    const key = `${host}/${repository}`;
    let client = this.#clients.get(key);
    if (client === undefined) {
      client = createRegistryClient({ host, credentials: await this.credentials(host, repository) });
      this.#clients.set(key, client);
    }
    return client.repository(repository);
  }

  /** The run's own credentials before the default ones. */
  async credentials(host: string, repository: string): Promise<RegistryCredentials | undefined> {
    const { registries } = await serviceAccountCredentials(this.#call);
    return credentialsFor(registries, host, repository) ?? (await this.#defaults?.(host));
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
  }
}

/** Parses a reference of a parameter; `docker://` in front of it, as skopeo writes it, is fine. @throws TaskError */
export function imageReference(text: string, what: string): Reference {
  try {
    return parseReference(text.replace(/^docker:\/\//, ""));
  } catch (error) {
    if (error instanceof ReferenceError) throw new TaskError(`${what}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** Runs a piece of registry work; the registry's refusals are the user's to read. */
export async function withRegistries<T>(
  call: NativeTaskCall,
  defaults: DefaultCredentials | undefined,
  work: (access: RegistryAccess) => Promise<T>,
): Promise<T> {
  const access = new RegistryAccess(call, defaults);
  try {
    return await work(access);
  } catch (error) {
    if (error instanceof RegistryError) throw new TaskError(error.message, { cause: error });
    throw error;
  } finally {
    access.close();
  }
}
