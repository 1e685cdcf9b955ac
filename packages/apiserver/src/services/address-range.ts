/** IPv4 addresses of a CIDR block, without the first (network) and last (broadcast). */
export interface AddressRange {
  readonly first: number;
  readonly last: number;
}

const CIDR = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/;

/** Parses `10.96.0.0/12`. @throws Error for what is not an IPv4 block of at least four addresses */
export function parseRange(cidr: string): AddressRange {
  const match = CIDR.exec(cidr);
  const parts = (match ?? []).slice(1).map(Number);
  const [a = 256, b = 256, c = 256, d = 256, bits = 33] = parts;
  if ([a, b, c, d].some((octet) => octet > 255) || bits > 30) {
    throw new Error(
      `serviceCIDR ${JSON.stringify(cidr)} is not an IPv4 block of at least four addresses, e.g. 10.96.0.0/16`,
    );
  }
  const size = 2 ** (32 - bits);
  const address = ((a * 256 + b) * 256 + c) * 256 + d;
  const base = address - (address % size);
  return { first: base + 1, last: base + size - 2 };
}

function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}

/** A free address, or undefined when all are taken. */
export function freeAddress(
  range: AddressRange,
  taken: ReadonlySet<string>,
  random: () => number,
): string | undefined {
  const count = range.last - range.first + 1;
  const start = Math.floor(random() * count);
  for (let step = 0; step < count; step += 1) {
    const text = formatAddress(range.first + ((start + step) % count));
    if (!taken.has(text)) return text;
  }
  return undefined;
}
