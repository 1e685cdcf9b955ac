/** Writes ConfigMaps as fast as it can and prints every acknowledged one, until it is killed. Used by crash.test.ts. */
import { ConfigMap } from "@ai-edge/api";
import { startApiServer } from "@ai-edge/apiserver";
import { clientFromKubeconfig, parseKubeconfig } from "@ai-edge/client";
import { pino } from "pino";

const [dataDir = "", round = ""] = process.argv.slice(2);
const server = await startApiServer({ dataDir, listen: { host: "127.0.0.1", port: 0 }, logger: pino({ level: "silent" }) });
const client = clientFromKubeconfig(parseKubeconfig(server.kubeconfig));

async function write(writer: number): Promise<never> {
  for (let index = 0; ; index += 1) {
    const name = `r${round}-w${writer}-${index}`;
    const made = await client.create(ConfigMap, { metadata: { name, namespace: "default" }, data: { name } });
    process.stdout.write(`${name} ${made.metadata.resourceVersion}\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)));
