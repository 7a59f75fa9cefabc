// Small settings that the browser keeps. A browser that keeps nothing is no error: they last as long as the page.
import { Store } from "./store.ts";

const PREFIX = "luciole.";

/** What is kept under a name; undefined where there is nothing, or nothing that can be read. */
export function readSaved<T>(name: string): T | undefined {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? undefined : (JSON.parse(text) as T);
  } catch {
    return undefined;
  }
}

/** Keeps a value under a name. */
export function save(name: string, value: unknown): void {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // full, or forbidden
  }
}

/** A store whose value is kept under a name. `isValid` refuses what an older page may have left. */
export function savedStore<T>(name: string, initial: T, isValid: (value: unknown) => boolean): Store<T> {
  const found = readSaved<T>(name);
  const store = new Store(found !== undefined && isValid(found) ? found : initial);
  store.subscribe(() => save(name, store.value));
  return store;
}
