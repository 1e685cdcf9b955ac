/** A name is a DNS label of at most 63 characters, of which the suffix takes 5 (`apiserver/pkg/storage/names`). */
const MAX_GENERATED_NAME_LENGTH = 63;
const SUFFIX_LENGTH = 5;
/** No vowels and no characters that read like others (`apimachinery/pkg/util/rand`). */
const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";

/** `length` random characters that are safe in names and make no words. @param random as `Math.random` */
export function randomSuffix(random: () => number, length: number = SUFFIX_LENGTH): string {
  return Array.from({ length }, () => ALPHABET[Math.floor(random() * ALPHABET.length)]).join("");
}

/** The name for an object with `metadata.generateName`: the prefix, cut to 58 characters, and 5 random ones. */
export function generateName(prefix: string, random: () => number): string {
  return prefix.slice(0, MAX_GENERATED_NAME_LENGTH - SUFFIX_LENGTH) + randomSuffix(random);
}
