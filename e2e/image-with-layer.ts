import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { createRegistryClient, type Descriptor, digestOf, parseManifest, single } from "@ai-edge/oci";

import type { DemoTopology } from "./demo-topology.ts";

/**
 * Pushes an image that is another one with one more layer: a digest that no site has.
 * @returns its digest, and where the new layer lies on the registry's disk
 */
export async function pushImageWithNewLayer(
  demo: DemoTopology,
  repository: string,
): Promise<{ digest: string; layerFile: string }> {
  const { core } = await demo.endpoints();
  const { username, token } = JSON.parse(
    await readFile(join(demo.dataDir, "core", "credentials.json"), "utf8"),
  ) as {
    username: string;
    token: string;
  };
  const client = createRegistryClient({
    host: new URL(core.registry).host,
    credentials: { username, password: token },
  });
  try {
    const images = client.repository(repository);
    const latest = await images.manifest("latest");
    if (latest.content.kind !== "image") throw new Error(`${repository}:latest is an index`);
    // Two empty blocks: the smallest tar there is, made unlike any other by its length.
    const tar = Buffer.alloc(7 * 512);
    const layer: Descriptor = {
      mediaType: "application/vnd.oci.image.layer.v1.tar",
      digest: digestOf(tar),
      size: tar.length,
    };
    await images.putBlob(layer, () => single(tar));
    const { manifest } = latest.content;
    const changed = parseManifest(
      Buffer.from(JSON.stringify({ ...manifest, layers: [...manifest.layers, layer] })),
    );
    await images.putManifest(changed, "with-a-new-layer");
    return {
      digest: changed.descriptor.digest,
      layerFile: join(
        demo.dataDir,
        "core",
        "registry",
        "blobs",
        "sha256",
        layer.digest.slice("sha256:".length),
      ),
    };
  } finally {
    client.close();
  }
}
