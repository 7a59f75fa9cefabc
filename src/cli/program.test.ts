// What is said of flags that do not exist.
import { afterEach, expect, test, vi } from "vitest";
import { buildProgram } from "./program.js";

afterEach(() => vi.restoreAllMocks());

async function messageOf(...args: string[]): Promise<string> {
  const written: string[] = [];
  vi.spyOn(process.stderr, "write").mockImplementation((text) => written.push(String(text)) > 0);
  await expect(buildProgram().parseAsync(args, { from: "user" })).rejects.toThrow();
  return written.join("");
}

test("a flag that is cut short or misspelt is completed", async () => {
  expect(await messageOf("convert", "a", "--ty", "f32")).toBe("error: unknown option '--ty' (Did you mean --type?)\n");
  expect(await messageOf("convert", "a", "--tipe", "f32")).toBe(
    "error: unknown option '--tipe' (Did you mean --type?)\n",
  );
});

test("for a flag of another verb the usage of this one is shown", async () => {
  expect(await messageOf("convert", "a", "--out", "b")).toBe(
    "error: unknown option '--out'; expected: luciole convert [options] <from> <to> (luciole convert --help)\n",
  );
});
