// One row of a person's data, with the place it was read from. Knows no format and no column.
import { DataError } from "../errors.js";

/** The columns of one row, as they stand in the file. */
export type Row = Readonly<Record<string, unknown>>;

/** A row and its place, for messages: `pairs.jsonl:12`, or `pairs.parquet: row 12` where a file has no lines. */
export interface PlacedRow {
  readonly row: Row;
  readonly where: string;
}

/** Runs `body`; a DataError that it throws is told with the place in front. */
export function atPlace<T>(where: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof DataError) throw new DataError(`${where}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** Foreign data for a message: as JSON, cut short. */
export const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
};

/** What kind of value was found, in the words of JSON. */
export const kindOf = (value: unknown): string =>
  value === null || value === undefined ? "nothing" : Array.isArray(value) ? "a list" : `${article(typeof value)}`;

const article = (type: string): string => `${/^[aeiou]/.test(type) ? "an" : "a"} ${type}`;
