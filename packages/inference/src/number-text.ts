/**
 * How TensorFlow Serving spells numbers (tensorflow_serving/util/json_tensor.cc): `%.6g` if that reads back as the
 * same value, else enough digits to do so; a whole number keeps a `.0`. Upstream's smoke test compares this text.
 */

/** C's `%.{precision}g`: trailing zeros dropped, exponent form below 1e-4 and from 10^precision on. */
export function formatG(value: number, precision: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const [mantissa = "", exponentText = "0"] = value.toExponential(precision - 1).split("e");
  const exponent = Number(exponentText);
  const trim = (text: string): string => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  if (exponent < -4 || exponent >= precision) {
    const digits = String(Math.abs(exponent)).padStart(2, "0");
    return `${trim(mantissa)}e${exponent < 0 ? "-" : "+"}${digits}`;
  }
  return trim(value.toFixed(precision - 1 - exponent));
}

/** Digits that identify every value of the type (IEEE 754 binary32 and binary64). */
const ROUND_TRIP_DIGITS = { FP32: 9, FP64: 17 } as const;

/**
 * One floating-point value as TensorFlow Serving prints it. NaN and the infinities become `NaN`, `Infinity` and
 * `-Infinity`: not JSON, but what upstream's clients get and Python reads.
 */
export function servingNumber(value: number, datatype: "FP32" | "FP64"): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  const short = formatG(value, 6);
  const same =
    datatype === "FP32" ? Math.fround(Number(short)) === Math.fround(value) : Number(short) === value;
  const text = same ? short : formatG(value, ROUND_TRIP_DIGITS[datatype]);
  return /[.e]/.test(text) ? text : `${text}.0`;
}
