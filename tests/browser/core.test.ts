// The core without Node: one bundle for browsers, with no Node import in it, does in a page and in a bare context of
// JavaScript what it does in Node, to the bit.

import { join } from "node:path";
import { createContext, runInContext } from "node:vm";
import { rolldown } from "rolldown";
import { beforeAll, expect, it } from "vitest";
import { packageRoot } from "../../src/package-root.js";
import { findChromiums, runPage } from "./chromium.js";
import { type Outcome, runProgram } from "./program.js";

const PROGRAM = join(packageRoot(), "dist", "tests", "browser", "program.js");

let bundle = { code: "", imports: [] as readonly string[] };
let inNode: Outcome;

beforeAll(async () => {
  const build = await rolldown({ input: PROGRAM, platform: "browser", external: /^node:/, logLevel: "silent" });
  const { output } = await build.generate({ format: "iife", name: "program" });
  await build.close();
  const [{ code, imports, dynamicImports }] = output;
  bundle = { code, imports: [...imports, ...dynamicImports] };
  inNode = await runProgram();
});

it("the bundle imports nothing of Node, nor anything else", () => {
  expect(bundle.imports).toEqual([]);
  expect(bundle.code).not.toMatch(/\brequire\(|from "node:|import\("node:/);
});

it("the program trains, samples with drafts, and reinforces", () => {
  expect(inNode.losses[2]).toBeLessThan(inNode.losses[0]);
  expect(inNode.drafted).toBeGreaterThan(0);
  expect(new Set(inNode.rewards).size).toBeGreaterThan(1);
  expect(inNode.reinforced).not.toBe(inNode.trained);
});

it("a context with web standards alone gives the same bits as Node", async () => {
  const names = ["AbortController", "MessageChannel", "TextDecoder", "TextEncoder", "clearTimeout", "performance"];
  const web = Object.fromEntries(names.map((name) => [name, globalThis[name as keyof typeof globalThis]]));
  const context = createContext({ ...web, setTimeout });
  const result = (await runInContext(`${bundle.code}\nprogram.runProgram().then(JSON.stringify)`, context)) as string;
  expect(JSON.parse(result)).toEqual(inNode);
});

it("a page in headless Chromium gives the same bits as Node, whatever its version", async () => {
  const script = `${bundle.code}
program.runProgram().then((outcome) => post("/result", JSON.stringify(outcome)));`;
  for (const chromium of await findChromiums())
    expect(JSON.parse(await runPage(script, chromium)), chromium.version).toEqual(inNode);
});
