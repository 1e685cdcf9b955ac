/** Enough to see what is wrong; a hostile body may have a duplicate every few bytes. */
const MAX_DUPLICATES = 50;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;

interface Level {
  /** The keys of an object so far; undefined for a list. */
  readonly keys: Set<string> | undefined;
  /** Where the object or list is. */
  readonly path: string;
  index: number;
  key: string;
}

/**
 * The paths of fields that an object in a JSON text sets twice: `spec.replicas`, `spec.list[0].name`. `JSON.parse` takes the
 * last one without a word.
 * @param text valid JSON
 */
export function duplicateFields(text: string): string[] {
  const found = new Set<string>();
  const levels: Level[] = [];
  let isKey = false;
  for (let position = 0; position < text.length && found.size < MAX_DUPLICATES; position += 1) {
    const level = levels.at(-1);
    switch (text.charCodeAt(position)) {
      case QUOTE: {
        const end = endOfString(text, position);
        if (isKey && level !== undefined) noteKey(level, text.slice(position, end), found);
        position = end - 1;
        break;
      }
      case OPEN_BRACE:
        levels.push({ keys: new Set(), path: childPath(level), index: 0, key: "" });
        isKey = true;
        break;
      case OPEN_BRACKET:
        levels.push({ keys: undefined, path: childPath(level), index: 0, key: "" });
        isKey = false;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        levels.pop();
        break;
      case COLON:
        isKey = false;
        break;
      case COMMA:
        if (level !== undefined) level.index += 1;
        isKey = level?.keys !== undefined;
        break;
      default:
    }
  }
  return [...found];
}

function endOfString(text: string, start: number): number {
  let position = start + 1;
  while (text.charCodeAt(position) !== QUOTE) position += text.charCodeAt(position) === BACKSLASH ? 2 : 1;
  return position + 1;
}

function noteKey(level: Level, literal: string, found: Set<string>): void {
  const key: unknown = literal.includes("\\") ? JSON.parse(literal) : literal.slice(1, -1);
  level.key = String(key);
  if (level.keys?.has(level.key) === true) found.add(childPath(level));
  level.keys?.add(level.key);
}

/** The path of what comes next in a level. */
function childPath(level: Level | undefined): string {
  if (level === undefined) return "";
  if (level.keys === undefined) return `${level.path}[${level.index}]`;
  return level.path === "" ? level.key : `${level.path}.${level.key}`;
}
