import { createServer } from "node:http";
import type { Server } from "node:http";
import { text } from "node:stream/consumers";
import { Deployment, Pod, Service } from "@ai-edge/api";
import { keyOf } from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";

/** Stands in for Deployment controller and node agent: candidates become ready at once and answer on their Service. */
export class StandInCluster {
  /** The images of all Deployments that it has seen, in their order. */
  readonly images: string[] = [];
  readonly #client: Client;
  readonly #namespace: string;
  readonly #stop = new AbortController();
  readonly #servers = new Map<string, Server>();
  readonly #watches: Promise<void>[] = [];

  constructor(client: Client, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
  }

  start(): void {
    this.#watches.push(
      this.#follow(async () => {
        for await (const event of this.#client.watch(Deployment, {
          namespace: this.#namespace,
          signal: this.#stop.signal,
        })) {
          if (event.type === "ADDED" || event.type === "MODIFIED") await this.#makeReady(event.object);
        }
      }),
      this.#follow(async () => {
        for await (const event of this.#client.watch(Service, {
          namespace: this.#namespace,
          signal: this.#stop.signal,
        })) {
          if (event.type === "ADDED") this.#serve(event.object);
          if (event.type === "DELETED") this.#servers.get(event.object.metadata.name)?.close();
        }
      }),
    );
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#watches);
    for (const server of this.#servers.values()) server.close();
  }

  async #follow(watch: () => Promise<void>): Promise<void> {
    while (!this.#stop.signal.aborted) await watch().catch(() => undefined);
  }

  async #makeReady(deployment: Deployment): Promise<void> {
    const { name, uid = "", generation = 0 } = deployment.metadata;
    if ((deployment.status?.observedGeneration ?? 0) >= generation) return;
    const { template, replicas } = deployment.spec;
    const image = template.spec.containers[0]?.image ?? "";
    this.images.push(image);
    if (replicas !== 0) {
      const pod = {
        metadata: {
          name: `${name}-${uid}-${generation}`,
          namespace: this.#namespace,
          labels: template.metadata?.labels ?? {},
        },
        spec: template.spec,
      };
      const made = await this.#client.create(Pod, pod);
      const conditions = [{ type: "Ready", status: "True" }];
      await this.#client.patch(
        Pod,
        keyOf(made),
        { type: "merge", body: { status: { phase: "Running", conditions } } },
        { subresource: "status" },
      );
    }
    const status = {
      observedGeneration: generation,
      updatedReplicas: replicas ?? 1,
      conditions: [{ type: "Available", status: "True" }],
    };
    await this.#client.patch(
      Deployment,
      keyOf(deployment),
      { type: "merge", body: { status } },
      { subresource: "status" },
    );
  }

  /** Doubles the number it is sent, with float32 noise. */
  #serve(service: Service): void {
    const server = createServer((request, response) => {
      void text(request).then((body) => {
        const [first] = JSON.parse(body).instances;
        response.end(JSON.stringify({ predictions: [first * 2 + 1e-9] }));
      });
    });
    server.listen(8080, service.spec.clusterIP);
    this.#servers.set(service.metadata.name, server);
  }
}
