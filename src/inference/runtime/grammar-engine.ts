// Loads the grammar engine, @mlc-ai/web-xgrammar, as one instance with memory of its own, and keeps what it says of its
// errors. The package is a script for browsers and CommonJS that its package.json declares to be an ES module, so
// Node's own import refuses it.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";

/** What is used of the package. */
export type GrammarLibrary = typeof import("@mlc-ai/web-xgrammar");

/** One instance. After a failed call its memory is in doubt: load another. */
export interface GrammarEngine {
  readonly library: GrammarLibrary;
  /** The reason it gave for its last failure, if it gave one. */
  lastFailure(): string | undefined;
}

let source: { readonly file: string; readonly text: string } | undefined;

/** Loads an instance; the WebAssembly itself starts with its first use. */
export function loadGrammarEngine(): GrammarEngine {
  source ??= readSource();
  const { file, text } = source;
  const lines: string[] = [];
  const say = (...words: unknown[]) => void lines.push(words.join(" "));
  const module = { exports: {} };
  const run = new Function("exports", "require", "module", "__filename", "__dirname", "console", text);
  run(module.exports, createRequire(file), module, file, dirname(file), { log: say, warn: say, error: say });
  return {
    library: module.exports as GrammarLibrary,
    lastFailure: () => {
      const line = lines.filter((each) => each.includes("[FATAL]")).at(-1);
      lines.length = 0;
      return line?.replace(/^.*?\[FATAL\]\s*(\S+:\d+:\s*)?/s, "").trim();
    },
  };
}

function readSource(): { file: string; text: string } {
  const file = createRequire(import.meta.url).resolve("@mlc-ai/web-xgrammar");
  // Inside a function made from text there is no `import`; what it imports, `require` gives as well.
  return { file, text: readFileSync(file, "utf8").replaceAll("import('module')", "require('module')") };
}
