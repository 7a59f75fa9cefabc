// What flags accept: numbers within limits, and values that may be given several times.
import { existsSync } from "node:fs";
import { InvalidArgumentError } from "commander";

/** Values of a repeatable flag, in their order. */
export const collect = (value: string, before: string[] = []): string[] => [...before, value];

/**
 * Places of adapters by name: a directory alone is that of "default", name=directory of another. Throws
 * InvalidArgumentError for a name twice, and for several without names.
 */
export function addAdapter(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, name = "default", path = text] = existsSync(text) ? [] : (/^([\w.-]+)=(.+)$/.exec(text) ?? []);
  if (!Object.hasOwn(before, name)) return { ...before, [name]: path };
  throw new InvalidArgumentError(
    name === "default" ? "Several adapters need names: NAME=directory." : `There is already an adapter "${name}".`,
  );
}

/** A parser of whole numbers within the limits. It throws InvalidArgumentError, which names the limits. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(
      `Expected a whole number ${max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`}.`,
    );
  };
}

/** A list of whole numbers, joined by commas. */
export const wholeNumbers = (text: string): number[] => text.split(",").map(wholeNumber(0));

/** A whole number, or the word for all that there are. */
export const numberOrAll = (text: string): number | "all" => (text === "all" ? text : wholeNumber(1)(text));

/** A parser of finite numbers within the limits. It throws InvalidArgumentError, which names the limits. */
export function number(min: number, max = Number.POSITIVE_INFINITY): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && value >= min && value <= max && Number.isFinite(value)) return value;
    throw new InvalidArgumentError(
      `Expected a number ${max === Number.POSITIVE_INFINITY ? `of at least ${min}` : `from ${min} to ${max}`}.`,
    );
  };
}
