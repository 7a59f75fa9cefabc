// Copies of data that are handed to code which must not alter the original. Knows plain data; what has behaviour of its
// own is passed on as it is.

/**
 * A deep copy of arrays, typed arrays and plain objects; anything else (a function, an instance of a class) is the same
 * one.
 */
export function copyOf<T>(value: T): T {
  if (Array.isArray(value)) return value.map(copyOf) as T;
  if (ArrayBuffer.isView(value) && "slice" in value) return (value as unknown as Int32Array).slice() as T;
  if (typeof value !== "object" || value === null || !isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, copyOf(each)])) as T;
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
