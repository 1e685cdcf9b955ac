import { createHash } from "node:crypto";

/** A block of IPv4 addresses, as numbers. */
interface Block {
  first: number;
  size: number;
}

/**
 * Hands out addresses of a block to names: the same name gets the same address over restarts as long as it is
 * remembered (`prefer`) or no other name took it.
 */
export class AddressAllocator {
  readonly #block: Block;
  readonly #byName = new Map<string, string>();
  readonly #taken = new Map<string, string>();

  /** @param cidr for example `127.16.192.0/18` */
  constructor(cidr: string) {
    this.#block = parseCidr(cidr);
  }

  /** The address of a name; `prefer` is taken if it is free and in the block. @throws Error when the block is full */
  allocate(name: string, prefer?: string): string {
    const existing = this.#byName.get(name);
    if (existing !== undefined) return existing;
    const address = prefer !== undefined && this.#isFree(prefer) ? prefer : this.#firstFree(name);
    this.#byName.set(name, address);
    this.#taken.set(address, name);
    return address;
  }

  release(name: string): void {
    const address = this.#byName.get(name);
    if (address === undefined) return;
    this.#byName.delete(name);
    this.#taken.delete(address);
  }

  #isFree(address: string): boolean {
    const offset = toNumber(address) - this.#block.first;
    return offset > 0 && offset < this.#block.size - 1 && !this.#taken.has(address);
  }

  #firstFree(name: string): string {
    const usable = this.#block.size - 2;
    const start = createHash("sha256").update(name).digest().readUInt32BE(0) % usable;
    for (let step = 0; step < usable; step += 1) {
      const address = toText(this.#block.first + 1 + ((start + step) % usable));
      if (!this.#taken.has(address)) return address;
    }
    throw new Error(`all ${usable} addresses of the block are taken`);
  }
}

function parseCidr(cidr: string): Block {
  const [address = "", bits = ""] = cidr.split("/");
  const size = 2 ** (32 - Number(bits));
  return { first: Math.floor(toNumber(address) / size) * size, size };
}

function toNumber(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

function toText(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}
