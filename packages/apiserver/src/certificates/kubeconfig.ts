import { stringify } from "yaml";
import type { KeyPair } from "./authority.ts";

/** A kubeconfig with one cluster, one user and one context, with everything embedded. @returns YAML */
export function kubeconfigOf(options: {
  name: string;
  server: string;
  caCertificate: string;
  client: KeyPair;
}): string {
  const { name, server, caCertificate, client } = options;
  const user = `${name}-admin`;
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server, "certificate-authority-data": base64(caCertificate) } }],
    users: [
      {
        name: user,
        user: {
          "client-certificate-data": base64(client.certificate),
          "client-key-data": base64(client.key),
        },
      },
    ],
    contexts: [{ name, context: { cluster: name, user } }],
    "current-context": name,
  });
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
