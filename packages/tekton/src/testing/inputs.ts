import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ConfigMap, Secret, ServiceAccount } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";
import { buildImage, copyImage, createRegistryClient, ImageLayout } from "@ai-edge/oci";
import type { startTestForge } from "@ai-edge/testing";

export type TestForge = Awaited<ReturnType<typeof startTestForge>>;

/** The password of everything; no status or log may show it. */
export const TOKEN = "t0ken";

/** apps/double/kustomization.yaml of edge/gitops. */
export const KUSTOMIZATION = `# The double app.
namePrefix:   double-
images:
- name: edge-model-template-image # replaced by the pipeline
  newName: quay.io/nobody/nothing
  digest: sha256:${"0".repeat(64)}
`;

/** Pushes base:1, an image of nothing that says it runs as a process. */
export async function pushBaseImage(directory: string, registryHost: string): Promise<void> {
  const layout = new ImageLayout(join(directory, "base"));
  const context = join(directory, "context");
  await mkdir(context, { recursive: true });
  await writeFile(join(context, "server.js"), "");
  const containerfile = "FROM scratch\nCOPY server.js /opt/server.js\nLABEL aiedge.dev/runtime=process\n";
  const { descriptor } = await buildImage({ containerfile, context, base: () => layout, layout });
  const client = createRegistryClient({ host: registryHost });
  await copyImage(layout, descriptor.digest, client.repository("base"), "1");
  client.close();
}

/** Fills edge/models (two models, one that is none, two Containerfiles) and edge/gitops. */
export async function seedRepositories(forge: TestForge, registryHost: string): Promise<void> {
  const onnx = Buffer.from([0x08, 0x08, 0x12, 0x00]);
  await forge.seedRepository({
    owner: "edge",
    name: "models",
    message: "Models",
    files: {
      "models/double/1/model.onnx": onnx,
      "models/sklearn/model.pkl": Buffer.from(
        "\x80\x04\x95\x20\x00\x00\x00\x00\x00\x00\x00\x8c\x1esklearn.ensemble._forest\x94\x8c\x16RandomForestClassifier\x94\x93\x94.",
        "latin1",
      ),
      "models/strange/data.bin": "hello",
      Containerfile: `FROM ${registryHost}/base:1\nARG MODEL_NAME\nARG MODEL_DIR=.\nCOPY $MODEL_DIR /models/$MODEL_NAME\n`,
      "Containerfile.run": `FROM ${registryHost}/base:1\nRUN pip install everything\n`,
    },
  });
  await forge.seedRepository({
    owner: "edge",
    name: "gitops",
    message: "GitOps",
    files: { "apps/double/kustomization.yaml": KUSTOMIZATION, "README.md": "x\n" },
  });
}

export function base64(value: string): string {
  return Buffer.from(value).toString("base64");
}

/** Creates what runs read: golden requests, and a ServiceAccount with the forge's credentials. */
export async function createInputs({
  client,
  namespace,
  forgeUrl,
}: {
  client: Client;
  namespace: string;
  forgeUrl: string;
}): Promise<void> {
  const metadata = (name: string) => ({ name, namespace: namespace });
  const data = { "data.json": '{"instances": [21]}' };
  await client.create(ConfigMap, {
    metadata: metadata("golden"),
    data: { ...data, "output.json": '{"predictions": [42]}' },
  });
  await client.create(ConfigMap, {
    metadata: metadata("wrong"),
    data: { ...data, "output.json": '{"predictions": [43]}' },
  });
  const annotations = { "tekton.dev/git-0": forgeUrl };
  const git = {
    metadata: { ...metadata("forge"), annotations },
    type: "kubernetes.io/basic-auth",
    data: { username: base64("pipeline"), password: base64(TOKEN), token: base64(TOKEN) },
  };
  await client.create(Secret, git);
  await client.create(ServiceAccount, { metadata: metadata("pipeline"), secrets: [{ name: "forge" }] });
}
