// What flags accept: numbers within limits, and values that may be given several times.
import { InvalidArgumentError } from "commander";

/** Values of a repeatable flag, in their order. */
export const collect = (value: string, before: string[] = []): string[] => [...before, value];

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
