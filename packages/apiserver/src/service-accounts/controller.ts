import {
  ANNOTATION_SERVICE_ACCOUNT_NAME,
  ANNOTATION_SERVICE_ACCOUNT_UID,
  SECRET_TYPE_SERVICE_ACCOUNT_TOKEN,
} from "@ai-edge/api";
import { type UnstructuredObject, deepEqual, isJsonObject } from "@ai-edge/apimachinery";
import type { Logger } from "pino";
import { ISSUER, type TokenSigner } from "../authentication/token-signer.ts";
import { createObject } from "../objects/create.ts";
import { deleteObject } from "../objects/delete.ts";
import { type Environment, type WriteContext, systemContext } from "../objects/environment.ts";
import { updateObject } from "../objects/update.ts";
import type { StorageEvent } from "../storage/event.ts";
import type { Transaction } from "../storage/store.ts";

/** Where pods find the server's CA (the root-ca-cert-publisher of kube-controller-manager). */
const CA_CONFIG_MAP = "kube-root-ca.crt";
const CA_DESCRIPTION =
  "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

/**
 * Every namespace has a ServiceAccount `default` and if told so a ConfigMap with the CA; every Secret of the token type gets its token, and goes with its ServiceAccount.
 */
export class ServiceAccounts {
  readonly #environment: Environment;
  readonly #signer: TokenSigner;
  readonly #caCertificate: string;
  readonly #publishRootCa: boolean;
  readonly #logger: Logger;

  constructor(options: {
    environment: Environment;
    signer: TokenSigner;
    caCertificate: string;
    publishRootCa: boolean;
    logger: Logger;
  }) {
    this.#environment = options.environment;
    this.#signer = options.signer;
    this.#caCertificate = options.caCertificate;
    this.#publishRootCa = options.publishRootCa;
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
    if (resource === "configmaps" && name === CA_CONFIG_MAP) this.#furnish(namespace, transaction);
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
    this.#publishCa(namespace, context);
    const resource = this.#environment.registry.find("", "v1", "serviceaccounts");
    const key = { resource: "serviceaccounts", namespace, name: "default" };
    if (resource === undefined || transaction.get(key) !== undefined) return;
    const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default", namespace } };
    createObject(resource, account, namespace, context);
  }

  #publishCa(namespace: string, context: WriteContext): void {
    const resource = this.#environment.registry.find("", "v1", "configmaps");
    if (resource === undefined || !this.#publishRootCa) return;
    const data = { "ca.crt": this.#caCertificate };
    const key = { resource: "configmaps", namespace, name: CA_CONFIG_MAP };
    const current = context.transaction.get(key)?.object;
    if (current === undefined) {
      const annotations = { "kubernetes.io/description": CA_DESCRIPTION };
      const metadata = { name: CA_CONFIG_MAP, namespace, annotations };
      createObject(resource, { apiVersion: "v1", kind: "ConfigMap", metadata, data }, namespace, context);
    } else if (!deepEqual(current["data"], data)) {
      const publish = (object: UnstructuredObject): UnstructuredObject => ({
        ...structuredClone(object),
        data,
      });
      updateObject({ resource, namespace, name: CA_CONFIG_MAP }, publish, context);
    }
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

function concerns({ resource, type, name, object }: StorageEvent): boolean {
  if (resource === "configmaps") return name === CA_CONFIG_MAP && type !== "ADDED";
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
