import { readFile } from "node:fs/promises";
import path from "node:path";
import { cleanPath } from "../layer/unpack.ts";
import type { Descriptor } from "../image/manifest.ts";
import { decompressLayer } from "../image/repository.ts";
import type { LayerEntry } from "../layer/writer.ts";
import { readTar, type TarReadEntry } from "../tar/reader.ts";

/** Larger user tables are not read: names are then unknown, and the error says so. */
const MAX_TABLE = 1024 * 1024;
const MAX_LINKS = 40;

interface Node {
  type: "file" | "directory" | "symlink";
  linkPath?: string;
}

/** What files a stage has so far: where COPY must put things, and the ids of users by name. */
export class StageFiles {
  readonly #nodes = new Map<string, Node>([["", { type: "directory" }]]);
  readonly #tables = new Map<string, string>();

  /** Reads the headers of a layer. */
  async addLayer(layer: Descriptor, blob: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const entry of readTar(decompressLayer(blob, layer.mediaType))) await this.#add(entry);
  }

  /** What a layer that was just made has in it: the same without reading the layer again. */
  async addEntries(entries: readonly LayerEntry[]): Promise<void> {
    for (const { path: name, type, linkPath, size, source } of entries) {
      if (type !== "file" && type !== "directory" && type !== "symlink") continue;
      this.#nodes.set(name, { type, ...(linkPath === undefined ? {} : { linkPath }) });
      if ((name !== "etc/passwd" && name !== "etc/group") || size > MAX_TABLE || source === undefined)
        continue;
      this.#tables.set(
        name,
        "bytes" in source ? Buffer.from(source.bytes).toString("utf8") : await readFile(source.file, "utf8"),
      );
    }
  }

  async #add(entry: TarReadEntry): Promise<void> {
    const name = cleanPath(entry.path);
    const base = path.posix.basename(name);
    const parent = name.slice(0, Math.max(0, name.length - base.length - 1));
    if (base === ".wh..wh..opq") return this.#remove(parent, false);
    if (base.startsWith(".wh.")) return this.#remove(path.posix.join(parent, base.slice(4)), true);
    if (entry.type !== "file" && entry.type !== "directory" && entry.type !== "symlink") return;
    this.#nodes.set(name, {
      type: entry.type,
      ...(entry.linkPath === undefined ? {} : { linkPath: entry.linkPath }),
    });
    if ((name === "etc/passwd" || name === "etc/group") && entry.size <= MAX_TABLE) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of entry.content()) chunks.push(chunk);
      this.#tables.set(name, Buffer.concat(chunks).toString("utf8"));
    }
  }

  #remove(name: string, itself: boolean): void {
    for (const key of this.#nodes.keys()) {
      if ((itself && key === name) || (key !== "" && key.startsWith(name === "" ? "" : `${name}/`)))
        this.#nodes.delete(key);
    }
  }

  has(name: string): boolean {
    return this.#nodes.has(name);
  }

  /** A path with the links on its way (and itself) followed, as the container will see it. */
  resolve(name: string, links = 0): string {
    let current = "";
    const parts = name.split("/").filter((part) => part !== "" && part !== ".");
    for (const [index, part] of parts.entries()) {
      const next =
        part === ".."
          ? path.posix.dirname(current).replace(/^\.$/, "")
          : current === ""
            ? part
            : `${current}/${part}`;
      const node = this.#nodes.get(next);
      if (node?.type === "symlink" && links < MAX_LINKS) {
        const target = node.linkPath ?? "";
        const from = target.startsWith("/") ? "" : current;
        return this.resolve([from, target, ...parts.slice(index + 1)].join("/"), links + 1);
      }
      current = next;
    }
    return current;
  }

  isDirectory(name: string): boolean {
    return this.#nodes.get(this.resolve(name))?.type === "directory";
  }

  /** The numeric owner of `user[:group]`. A user without group brings its own from /etc/passwd, as in docker. */
  owner(text: string): { uid: number; gid: number } {
    const [user = "", group] = text.split(":");
    const passwd = this.#row("etc/passwd", user);
    const uid = /^\d+$/.test(user) ? Number(user) : Number(passwd?.[2] ?? Number.NaN);
    if (Number.isNaN(uid)) throw new Error(`user "${user}" is not in the image's /etc/passwd: use a number`);
    if (group === undefined) return { uid, gid: passwd?.[3] === undefined ? uid : Number(passwd[3]) };
    const gid = /^\d+$/.test(group)
      ? Number(group)
      : Number(this.#row("etc/group", group)?.[2] ?? Number.NaN);
    if (Number.isNaN(gid)) throw new Error(`group "${group}" is not in the image's /etc/group: use a number`);
    return { uid, gid };
  }

  #row(table: string, name: string): string[] | undefined {
    const rows = (this.#tables.get(table) ?? "").split("\n").map((line) => line.split(":"));
    return rows.find((row) => row[0] === name);
  }
}
