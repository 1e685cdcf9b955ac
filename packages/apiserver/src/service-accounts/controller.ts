import {
  ANNOTATION_SERVICE_ACCOUNT_NAME,
  ANNOTATION_SERVICE_ACCOUNT_UID,
  SECRET_TYPE_SERVICE_ACCOUNT_TOKEN,
} from "@ai-edge/api";
import { type UnstructuredObject, isJsonObject } from "@ai-edge/apimachinery";
import type { Logger } from "pino";
import { ISSUER, type TokenSigner } from "../authentication/token-signer.ts";
import { createObject } from "../objects/create.ts";
import { deleteObject } from "../objects/delete.ts";
import { type Environment, systemContext } from "../objects/environment.ts";
import { updateObject } from "../objects/update.ts";
import type { StorageEvent } from "../storage/event.ts";
import type { Transaction } from "../storage/store.ts";

/**
 * Every namespace has a ServiceAccount `default`; every Secret of the token type gets its token, and goes with its ServiceAccount.
 */
export class ServiceAccounts {
  readonly #environment: Environment;
  readonly #signer: TokenSigner;
  readonly #caCertificate: string;
  readonly #logger: Logger;

  constructor(options: {
    environment: Environment;
    signer: TokenSigner;
    caCertificate: string;
    logger: Logger;
  }) {
    this.#environment = options.environment;
    this.#signer = options.signer;
    this.#caCertificate = options.caCertificate;
    this.#logger = options.logger;
  }

  /** Brings everything stored in line, and follows changes from now on. */
  async start(): Promise<void> {
    const { store } = this.#environment;
    await store.write((transaction) => {
      for (const { object } of transaction.list("namespaces", undefined))
        this.#furnish(object.metadata.name, transaction);
      for (const { object } of transaction.list("secrets", undefined)) this.#fillToken(object, transaction);
    });
    store.subscribe((events) => {
      if (events.some((event) => concerns(event))) void this.#follow(events);
    });
  }

  async #follow(events: readonly StorageEvent[]): Promise<void> {
    try {
      await this.#environment.store.write((transaction) => {
        for (const event of events) this.#react(event, transaction);
      });
    } catch (error) {
      this.#logger.warn({ err: error }, "could not bring ServiceAccounts in line");
    }
  }

  #react(event: StorageEvent, transaction: Transaction): void {
    const { resource, type, namespace, name } = event;
    if (resource === "namespaces" && type === "ADDED") this.#furnish(name, transaction);
    if (resource === "secrets" && type !== "DELETED") {
      const current = transaction.get(event);
      if (current !== undefined) this.#fillToken(current.object, transaction);
    }
    if (resource !== "serviceaccounts") return;
    if (type === "DELETED") {
      this.#dropTokens(event, transaction);
      if (name === "default") this.#furnish(namespace, transaction);
    } else if (type === "ADDED") {
      for (const { object } of transaction.list("secrets", namespace)) this.#fillToken(object, transaction);
    }
  }

  #furnish(namespace: string, transaction: Transaction): void {
    const stored = transaction.get({ resource: "namespaces", namespace: "", name: namespace });
    if (stored === undefined || stored.object.metadata.deletionTimestamp !== undefined) return;
    const context = systemContext(this.#environment, transaction);
    const resource = this.#environment.registry.find("", "v1", "serviceaccounts");
    const key = { resource: "serviceaccounts", namespace, name: "default" };
    if (resource === undefined || transaction.get(key) !== undefined) return;
    const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default", namespace } };
    createObject(resource, account, namespace, context);
  }

  #fillToken(secret: UnstructuredObject, transaction: Transaction): void {
    if (secret["type"] !== SECRET_TYPE_SERVICE_ACCOUNT_TOKEN) return;
    const { name, namespace = "", annotations = {}, uid = "" } = secret.metadata;
    const data = isJsonObject(secret["data"]) ? secret["data"] : {};
    const account = annotations[ANNOTATION_SERVICE_ACCOUNT_NAME];
    if (account === undefined || data["token"] !== undefined) return;
    const owner = transaction.get({ resource: "serviceaccounts", namespace, name: account })?.object.metadata;
    const resource = this.#environment.registry.find("", "v1", "secrets");
    if (owner?.uid === undefined || resource === undefined) return;
    const token = this.#signer.sign({
      aud: [ISSUER],
      namespace,
      serviceAccount: { name: account, uid: owner.uid },
      secret: { name, uid },
      issuedAt: Math.floor(this.#environment.now().getTime() / 1000),
    });
    const fill = (current: UnstructuredObject): UnstructuredObject => {
      const copy = structuredClone(current);
      copy.metadata.annotations = {
        ...copy.metadata.annotations,
        [ANNOTATION_SERVICE_ACCOUNT_UID]: owner.uid ?? "",
      };
      copy["data"] = {
        ...data,
        "ca.crt": base64(this.#caCertificate),
        namespace: base64(namespace),
        token: base64(token),
      };
      return copy;
    };
    updateObject({ resource, namespace, name }, fill, systemContext(this.#environment, transaction));
  }

  #dropTokens({ namespace, name }: StorageEvent, transaction: Transaction): void {
    const resource = this.#environment.registry.find("", "v1", "secrets");
    if (resource === undefined) return;
    for (const { object } of transaction.list("secrets", namespace)) {
      if (object["type"] !== SECRET_TYPE_SERVICE_ACCOUNT_TOKEN) continue;
      if (object.metadata.annotations?.[ANNOTATION_SERVICE_ACCOUNT_NAME] !== name) continue;
      deleteObject(
        resource,
        namespace,
        object.metadata.name,
        {},
        systemContext(this.#environment, transaction),
      );
    }
  }
}

function concerns({ resource, type, object }: StorageEvent): boolean {
  if (resource === "namespaces") return type === "ADDED";
  if (resource === "serviceaccounts") return type !== "MODIFIED";
  return (
    resource === "secrets" &&
    type !== "DELETED" &&
    object.object["type"] === SECRET_TYPE_SERVICE_ACCOUNT_TOKEN
  );
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
