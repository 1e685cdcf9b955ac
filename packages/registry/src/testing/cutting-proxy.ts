import net from "node:net";

/** Forwards connections and cuts each after so many bytes of answers. */
export async function cuttingProxy(
  target: URL,
  limit: number,
): Promise<{ host: string; cuts: () => number; bytes: () => number; close: () => Promise<void> }> {
  let cuts = 0;
  let total = 0;
  const sockets = new Set<net.Socket>();
  const proxy = net.createServer((client) => {
    const upstream = net.connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) sockets.add(socket.on("error", () => undefined));
    let passed = 0;
    client.pipe(upstream);
    upstream.on("data", (chunk) => {
      if (passed > limit) return;
      passed += chunk.length;
      total += chunk.length;
      client.write(chunk);
      if (passed > limit) {
        cuts += 1;
        client.end();
        upstream.destroy();
      }
    });
    upstream.on("close", () => client.end());
    client.on("close", () => upstream.destroy());
  });
  await new Promise<void>((resolve) => void proxy.listen(0, "127.0.0.1", resolve));
  const address = proxy.address();
  return {
    host: `127.0.0.1:${typeof address === "object" ? address?.port : ""}`,
    cuts: () => cuts,
    bytes: () => total,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => void proxy.close(() => resolve()));
    },
  };
}
