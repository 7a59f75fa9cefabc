// Where a reply has its program.
import { expect, it } from "vitest";
import { extractProgram } from "./extract-program.js";

const fenced = (language: string, code: string, fence = "```") => `${fence}${language}\n${code}\n${fence}`;

it.each([
  ["the only block", `Here:\n${fenced("python", "x = 1")}\nDone.`, "x = 1"],
  ["the last block of the language", `${fenced("python", "x = 1")}\nbetter\n${fenced("py", "x = 2")}`, "x = 2"],
  ["not a later block in another language", `${fenced("python", "x = 1")}\n${fenced("bash", "python x.py")}`, "x = 1"],
  ["a block without a language", `Run\n${fenced("", "x = 1")}`, "x = 1"],
  ["one of the language before one without", `${fenced("python3", "x = 1")}\n${fenced("", "1")}`, "x = 1"],
  ["a block that was cut", "So:\n```python\nx = 1\ny = 2", "x = 1\ny = 2"],
  ["a block with fences in it", fenced("python", 'print("""\n```\n""")', "````"), 'print("""\n```\n""")'],
  ["tildes", fenced("python", "x = 1", "~~~"), "x = 1"],
  ["capitals and options behind the fence", "```Python title=a.py\nx = 1\n```", "x = 1"],
  ["windows line ends", "```python\r\nx = 1\r\ny = 2\r\n```\r\n", "x = 1\ny = 2"],
  ["an indented block of a list", "1. so\n   ```python\n   x = 1\n   ```", "   x = 1"],
  ["the whole reply where it is code", "def f(x):\n    return x\n", "def f(x):\n    return x\n"],
  ["a completion that goes on in a function", "    return sorted(x)\n", "    return sorted(x)\n"],
])("python: %s", (_, reply, program) => expect(extractProgram(reply, "python")).toBe(program));

it.each([
  ["prose", "The answer is 5, since it is prime."],
  ["nothing", ""],
  ["a block in another language alone", fenced("rust", "fn main() {}")],
])("%s is no program", (_, reply) => expect(extractProgram(reply, "python")).toBeNull());

it("javascript has its own names, and without a language any block counts", () => {
  const reply = `${fenced("js", "let x = 1")}\n${fenced("python", "x = 1")}`;
  expect(extractProgram(reply, "javascript")).toBe("let x = 1");
  expect(extractProgram(reply)).toBe("x = 1");
});
