const LETTER = /\p{L}/u;
const DIGIT = /\p{Nd}/u;

/**
 * Orders the keys of an emitted map as go-yaml does: runs of digits count as numbers (`k2` before `k10`), everything
 * that is not a letter comes before letters.
 */
export function compareNaturally(left: string, right: string): number {
  if (left === right) return 0;
  const length = Math.min(left.length, right.length);
  let index = 0;
  while (index < length && left.charCodeAt(index) === right.charCodeAt(index)) index++;
  if (index === length) return left.length - right.length;
  return compareFrom(Array.from(left), Array.from(right), Array.from(left.slice(0, index)).length);
}

function compareFrom(left: readonly string[], right: readonly string[], start: number): number {
  // A common prefix can end inside a surrogate pair; then the whole pair differs.
  const at =
    left[start] === right[start] ? start + 1 : left[start - 1] === right[start - 1] ? start : start - 1;
  const a = left[at] ?? "";
  const b = right[at] ?? "";
  const aLetter = LETTER.test(a);
  const bLetter = LETTER.test(b);
  if (aLetter && bLetter) return codePoint(a) - codePoint(b);
  if (aLetter || bLetter) {
    const afterDigit = at > 0 && DIGIT.test(left[at - 1] ?? "");
    return (afterDigit ? aLetter : bLetter) ? -1 : 1;
  }
  return compareDigits(left, right, at) || codePoint(a) - codePoint(b);
}

function compareDigits(left: readonly string[], right: readonly string[], at: number): number {
  // Zeros in front only count once a digit other than zero was seen: `a01` and `a1` have the same number.
  let seen = "";
  if (left[at] === "0" || right[at] === "0") {
    for (let index = at - 1; index >= 0 && DIGIT.test(left[index] ?? ""); index--) {
      if (left[index] !== "0") {
        seen = "1";
        break;
      }
    }
  }
  const a = digitsFrom(left, at);
  const b = digitsFrom(right, at);
  const difference = BigInt(`${seen}${a}` || "0") - BigInt(`${seen}${b}` || "0");
  if (difference !== 0n) return difference < 0n ? -1 : 1;
  return a.length - b.length;
}

function digitsFrom(text: readonly string[], at: number): string {
  let end = at;
  while (end < text.length && /[0-9]/.test(text[end] ?? "")) end++;
  return text.slice(at, end).join("");
}

function codePoint(character: string): number {
  return character.codePointAt(0) ?? -1;
}

/** Orders text as Go orders strings: by UTF-8 bytes, which is by code points, not by UTF-16 units. */
export function compareBytes(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a === b) continue;
    const aSurrogate = (a & 0xf800) === 0xd800;
    const bSurrogate = (b & 0xf800) === 0xd800;
    return aSurrogate === bSurrogate ? a - b : aSurrogate ? 1 : -1;
  }
  return left.length - right.length;
}
