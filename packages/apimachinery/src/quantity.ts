/*
 * Quantities (`k8s.io/apimachinery/pkg/api/resource`): a decimal number with an SI suffix (`100m`, `2k`), a binary one
 * (`1Gi`) or an exponent (`1e3`). Values are kept in whole nano units, as upstream keeps nothing finer.
 */
const NANO = 1_000_000_000n;

const SUFFIXES: Readonly<Record<string, { base: bigint; exponent: bigint }>> = {
  n: { base: 10n, exponent: -9n },
  u: { base: 10n, exponent: -6n },
  m: { base: 10n, exponent: -3n },
  "": { base: 10n, exponent: 0n },
  k: { base: 10n, exponent: 3n },
  M: { base: 10n, exponent: 6n },
  G: { base: 10n, exponent: 9n },
  T: { base: 10n, exponent: 12n },
  P: { base: 10n, exponent: 15n },
  E: { base: 10n, exponent: 18n },
  Ki: { base: 2n, exponent: 10n },
  Mi: { base: 2n, exponent: 20n },
  Gi: { base: 2n, exponent: 30n },
  Ti: { base: 2n, exponent: 40n },
  Pi: { base: 2n, exponent: 50n },
  Ei: { base: 2n, exponent: 60n },
};

type Format = "DecimalSI" | "BinarySI" | "DecimalExponent";

export interface Quantity {
  /** In 10⁻⁹ units. */
  nano: bigint;
  format: Format;
}

/** Longer texts have no meaning that survives rounding to nano units. */
const MAX_LENGTH = 64;
const MAX_EXPONENT = 18n;
const PATTERN = /^([+-]?)(\d*)(?:\.(\d*))?(?:([eE])([+-]?\d+)|(n|u|m|k|M|G|T|P|E|[KMGTPE]i)?)$/;

/** The quantity of a text or number, rounded up to nano units as upstream does; undefined if it is none. */
export function parseQuantity(value: string | number): Quantity | undefined {
  const text = String(value);
  const match = text.length > MAX_LENGTH ? null : PATTERN.exec(text);
  if (match === null) return undefined;
  const [, sign = "", whole = "", fraction = "", exponentMark, exponentText = "0", suffix = ""] = match;
  if (whole === "" && fraction === "") return undefined;
  const scale = exponentMark === undefined ? SUFFIXES[suffix] : { base: 10n, exponent: BigInt(exponentText) };
  if (scale === undefined || scale.exponent > MAX_EXPONENT * 4n || scale.exponent < -MAX_EXPONENT)
    return undefined;
  const factor = scale.exponent >= 0n ? scale.base ** scale.exponent : 1n;
  const divisor = 10n ** BigInt(fraction.length) * (scale.exponent < 0n ? scale.base ** -scale.exponent : 1n);
  const numerator = BigInt(whole + fraction) * NANO * factor;
  const nano = (numerator + divisor - 1n) / divisor;
  const format =
    exponentMark !== undefined ? "DecimalExponent" : scale.base === 2n ? "BinarySI" : "DecimalSI";
  return { nano: sign === "-" ? -nano : nano, format };
}

/** Negative, 0 or positive, as a sort function wants it. */
export function compareQuantities(a: Quantity, b: Quantity): number {
  if (a.nano === b.nano) return 0;
  return a.nano < b.nano ? -1 : 1;
}

/** The sum of both, in the format of the first. */
export function addQuantities(a: Quantity, b: Quantity): Quantity {
  return { nano: a.nano + b.nano, format: a.format };
}

/** The value as a number: cores, bytes. Exact up to 2⁵³. */
export function quantityValue(quantity: Quantity): number {
  const whole = quantity.nano / NANO;
  return Number(whole) + Number(quantity.nano % NANO) / Number(NANO);
}

/** Canonical form (`Quantity.String`): no fraction, the largest suffix that keeps it whole: `1.5Gi` → `1536Mi`. */
export function formatQuantity(quantity: Quantity): string {
  const { nano } = quantity;
  if (nano === 0n) return "0";
  const sign = nano < 0n ? "-" : "";
  const magnitude = nano < 0n ? -nano : nano;
  if (quantity.format === "BinarySI" && magnitude % NANO === 0n && magnitude / NANO >= 1024n) {
    return sign + scaled(magnitude / NANO, ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"], 1024n);
  }
  if (quantity.format === "DecimalExponent") {
    return sign + scaled(magnitude, ["e-9", "e-6", "e-3", "", "e3", "e6", "e9", "e12", "e15", "e18"], 1000n);
  }
  return sign + scaled(magnitude, ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"], 1000n);
}

function scaled(value: bigint, suffixes: readonly string[], step: bigint): string {
  let rest = value;
  let index = 0;
  while (index < suffixes.length - 1 && rest % step === 0n) {
    rest /= step;
    index++;
  }
  return `${rest}${suffixes[index]}`;
}
