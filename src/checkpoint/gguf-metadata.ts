// The metadata of a GGUF file, asked for by key and type. Knows the values, not what they are for.
import { CheckpointError } from "../errors.js";
import type { GgufNumbers } from "./gguf-cursor.js";
import type { GgufNumberType } from "./gguf-types.js";
import type { TextList } from "./text-list.js";

/** One metadata value with its type as stored. */
export type GgufValue =
  | { readonly type: GgufNumberType; readonly value: number | bigint | boolean }
  | { readonly type: "string"; readonly value: TextList }
  | { readonly type: "array"; readonly of: "string"; readonly value: TextList }
  | { readonly type: "array"; readonly of: GgufNumberType; readonly value: GgufNumbers };

/** A single text as a metadata value holds it. */
export const isText = (value: GgufValue): value is Extract<GgufValue, { type: "string" }> => value.type === "string";

/**
 * The keys and values of a file. The typed readers give undefined for a key that is absent and throw CheckpointError
 * for one of another type.
 */
export class GgufMetadata {
  constructor(
    private readonly path: string,
    private readonly values: ReadonlyMap<string, GgufValue>,
  ) {}

  get keys(): readonly string[] {
    return [...this.values.keys()];
  }

  get(key: string): GgufValue | undefined {
    return this.values.get(key);
  }

  /** A single text. */
  text(key: string): string | undefined {
    const value = this.values.get(key);
    if (value === undefined) return undefined;
    return isText(value) ? value.value.at(0) : this.refuse(key, "a text", value);
  }

  /** A finite number, whatever type it is stored in. */
  number(key: string): number | undefined {
    const value = this.values.get(key);
    if (value === undefined) return undefined;
    if (value.type === "array" || typeof value.value !== "number" || !Number.isFinite(value.value))
      return this.refuse(key, "a number", value);
    return value.value;
  }

  /**
   * A whole number ≥ 0. An array counts as its common value when all are equal, as some files repeat a size for every
   * layer.
   */
  count(key: string): number | undefined {
    const value = this.values.get(key);
    if (value === undefined) return undefined;
    const single =
      value.type === "array" && value.of !== "string" && value.value.length > 0
        ? commonValue(value.value)
        : value.value;
    if (typeof single !== "number" || !Number.isSafeInteger(single) || single < 0)
      return this.refuse(key, "a whole number", value);
    return single;
  }

  flag(key: string): boolean | undefined {
    const value = this.values.get(key);
    if (value === undefined) return undefined;
    return typeof value.value === "boolean" ? value.value : this.refuse(key, "true or false", value);
  }

  texts(key: string): TextList | undefined {
    const value = this.values.get(key);
    if (value === undefined) return undefined;
    return value.type === "array" && value.of === "string" ? value.value : this.refuse(key, "a list of texts", value);
  }

  numbers(key: string): GgufNumbers | undefined {
    const value = this.values.get(key);
    if (value === undefined) return undefined;
    return value.type === "array" && value.of !== "string" ? value.value : this.refuse(key, "a list of numbers", value);
  }

  private refuse(key: string, wanted: string, got: GgufValue): never {
    throw new CheckpointError(
      `${this.path}: ${key} should be ${wanted}, got ${describeValue(got)}; download or convert it again`,
    );
  }
}

/** A value for people: short ones in full, long ones by their size. */
export function describeValue(value: GgufValue): string {
  if (value.type === "array") return `a list of ${value.value.length} ${value.of}`;
  if (!isText(value)) return String(value.value);
  const text = value.value.at(0) ?? "";
  return text.length > 60 ? `a text of ${text.length} characters` : JSON.stringify(text);
}

function commonValue(values: GgufNumbers): number | undefined {
  const first = Number(values[0]);
  return (values as Iterable<number | bigint> & GgufNumbers).every((each: number | bigint) => Number(each) === first)
    ? first
    : undefined;
}
