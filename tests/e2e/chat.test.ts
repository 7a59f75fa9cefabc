// A chat from outside, with a tiny model that was taught by the command line to think before it answers, through R1's
// published template.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Ended, root, start, succeed, temporaryFolder } from "./command.js";
import { teachModel } from "./taught-model.js";

// A machine that is busy with other tests takes its time.
const LIMIT_MS = 240_000;
vi.setConfig({ testTimeout: LIMIT_MS });

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
afterAll(() => folder.remove());

beforeAll(() => teachModel(folder.path), LIMIT_MS);

/** Runs a verb with these lines on standard input. */
function withInput(lines: readonly string[], args: readonly string[]): Promise<Ended> {
  writeFileSync(at("input.txt"), `${lines.join("\n")}\n`);
  return start([...args, "--temperature", "0"], { shell: `"$@" < ${at("input.txt")}` }).ended;
}

describe("from a program", () => {
  test("run --schema holds the answer to a JSON schema, and names the file that is none", async () => {
    writeFileSync(
      at("sum.json"),
      JSON.stringify({
        type: "object",
        properties: { sum: { const: 56 } },
        required: ["sum"],
        additionalProperties: false,
      }),
    );
    const { code, stdout } = await withInput(
      [],
      ["run", at("model"), "What is 7*8?", "--schema", at("sum.json"), "--json"],
    );
    expect(code).toBe(0);
    expect(JSON.parse(JSON.parse(stdout).answer)).toEqual({ sum: 56 });
    const broken = await withInput([], ["run", at("model"), "What is 7*8?", "--schema", at("corpus.txt")]);
    expect(broken).toMatchObject({ code: 2, stderr: expect.stringContaining("expected a file with a JSON schema") });
  });
  test("the cache's type is chosen, and refused where it has no latents to hold", async () => {
    const { stdout } = await withInput(["What is 7*8?"], ["chat", at("model"), "--cache-type", "f32"]);
    expect(stdout).toBe("The answer is 56 🔥\n");
    const refused = await withInput(["What is 7*8?"], ["chat", at("model"), "--cache-type", "fp8"]);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("an FP8 cache can only hold latents") });
  });
  test("a command or message that fails is told, and the next ones are answered", async () => {
    const { code, stdout, stderr } = await withInput(["/save /nowhere/x.json", "What is 7*8?"], ["chat", at("model")]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "The answer is 56 🔥\n" });
    expect(stderr).toContain("/nowhere");
  });
  test("a context beyond the model's is reduced with a word", async () => {
    const { code, stderr } = await withInput(["What is 7*8?"], ["chat", at("model"), "--context", "5000"]);
    expect(code).toBe(0);
    expect(stderr).toContain("--context 5000 exceeds this model's limit; using 1024 tokens");
  });
  test("lines go in, answers alone come out, and the conversation is remembered", async () => {
    const { code, stdout } = await withInput(["What is 7*8?", "Sing!"], ["chat", at("model")]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "The answer is 56 🔥\nLa la la 🎵\n" });
  });
  test("--json tells thinking and figures of each", async () => {
    const { stdout } = await withInput(["What is 7*8?", "Sing!"], ["chat", at("model"), "--json"]);
    const replies = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(replies[0]).toMatchObject({
      prompt: "What is 7*8?",
      thinking: "7*8 is 56 🔥.",
      answer: "The answer is 56 🔥",
      finishReason: "stop",
    });
    expect(replies[1]).toMatchObject({ thinking: "They want a song.", answer: "La la la 🎵" });
    for (const { numTokens, tokensPerSecond } of replies)
      expect(Math.min(numTokens, tokensPerSecond)).toBeGreaterThan(1);
  });
  test("commands work there too: a system prompt, a conversation saved and gone on with", async () => {
    const brief = await withInput(["/system Be brief.", "What is 7*8?"], ["chat", at("model")]);
    expect(brief.stdout).toBe("56\n");
    expect((await withInput(["What is 7*8?"], ["chat", at("model"), "--system", "Be brief."])).stdout).toBe("56\n");
    await withInput(["What is 7*8?", `/save ${at("saved.json")}`], ["chat", at("model")]);
    const { stdout } = await withInput([`/load ${at("saved.json")}`, "Sing!", "/exit", "Sing!"], ["chat", at("model")]);
    expect(stdout).toBe("La la la 🎵\n");
  });
  test("an unknown command and a conversation too long for the context are one line and exit code 2", async () => {
    const unknown = await withInput(["/hlp"], ["chat", at("model")]);
    expect(unknown).toMatchObject({
      code: 2,
      stdout: "",
      stderr: 'error: unknown command /hlp, did you mean "help"?; see /help\n',
    });
    const long = await withInput(["What is 7*8?", "What is 7*8? ".repeat(240)], ["chat", at("model")]);
    expect(long.code).toBe(2);
    expect(long.stderr).toMatch(
      /^error: the prompt has \d{4} tokens, the model's context is 1024; shorten it, or start over with \/clear\n$/,
    );
  });
  test("a GGUF file of the model carries tokenizer and template along", async () => {
    await succeed(["convert", at("model"), at("model.gguf"), "--type", "q8_0"]);
    const { stdout } = await withInput(["What is 7*8?", "Sing!"], ["chat", at("model.gguf")]);
    expect(stdout).toBe("The answer is 56 🔥\nLa la la 🎵\n");
  });
  test("thinking beyond its budget is ended, and the answer begins", async () => {
    const { stdout } = await withInput(
      ["What is 7*8?"],
      ["chat", at("model"), "--think-budget", "3", "--max-tokens", "20", "--json"],
    );
    const { thinking, answer } = JSON.parse(stdout);
    expect("7*8 is 56 🔥.".startsWith(thinking)).toBe(true);
    expect(thinking.length).toBeLessThan("7*8 is 56 🔥.".length);
    expect(answer).not.toBe("");
  });
  test("a model of random weights has no tokenizer and cannot be talked to", async () => {
    const { code, stderr } = await withInput(["hi"], ["chat", "random:r1-distill-qwen-1.5b"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: random:r1-distill-qwen-1\.5b: this model has no tokenizer.*\n$/);
  });
  test("run puts each question to the model by itself, through the template", async () => {
    const { stdout } = await withInput(["What is 7*8?", "What is 7*8?"], ["run", at("model"), "--json"]);
    for (const line of stdout.trimEnd().split("\n"))
      expect(JSON.parse(line)).toMatchObject({ thinking: "7*8 is 56 🔥.", answer: "The answer is 56 🔥" });
    const brief = await withInput([], ["run", at("model"), "What is 7*8?", "--system", "Be brief."]);
    expect(brief.stdout).toBe("Thinking:\nBrief.\n\nAnswer:\n56\n");
  });
});

/** A chat on a terminal of its own, by way of util-linux's `script`. */
class Terminal {
  private readonly child: ChildProcess;
  private shown = "";
  readonly ended: Promise<number | null>;

  constructor(args: readonly string[]) {
    const command = [process.execPath, join(root, "dist", "src", "cli", "main.js"), ...args]
      .map((word) => `'${word}'`)
      .join(" ");
    const environment = {
      ...process.env,
      TERM: "xterm",
      NO_COLOR: "1",
      LUCIOLE_THREADS: "1",
      XDG_STATE_HOME: at("state"),
    };
    this.child = spawn("script", ["-qefc", command, "/dev/null"], { env: environment });
    this.child.stdout?.on("data", (chunk) => {
      this.shown += chunk;
    });
    this.ended = new Promise((resolve) => {
      this.child.on("close", resolve);
    });
  }

  /** Types, then waits for the text to be shown; gives what was shown since. */
  async type(keys: string, until: string | RegExp): Promise<string> {
    this.shown = "";
    this.child.stdin?.write(keys);
    while (!this.shown.match(until) && this.child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(this.shown).toMatch(until);
    return this.shown;
  }

  kill(): void {
    this.child.kill();
  }
}

const CTRL_C = "\x03";
const hasTerminal = spawnSync("script", ["--version"]).status === 0;

describe.skipIf(!hasTerminal)("on a terminal", () => {
  test("thinking folds, the reply has its figures, and commands answer", async () => {
    const terminal = new Terminal(["chat", at("model"), "--temperature", "0"]);
    expect(await terminal.type("", "> ")).toContain("context of 1024 tokens. Type /help for the commands.");
    const reply = await terminal.type("What is 7*8?\r", /first token after [\d.]+ s/);
    expect(reply).toMatch(
      /▸ thought for \d+ tokens, [\d.]+ s \(\/think show\)\r\nThe answer is 56 🔥\r\n\d+ tokens, [\d.]+ tokens\/s/,
    );
    expect(await terminal.type("/think show\r", "56 🔥.\r\n")).toContain("7*8 is 56 🔥.");
    expect(await terminal.type('"""\r', "… ")).not.toContain("error");
    expect(await terminal.type('Sing!\r"""\r', /first token after/)).toContain("La la la 🎵");
    expect(await terminal.type("/hlp\r", "see /help")).toContain("did you mean");
    // Arrow up twice: the message before the last command.
    await terminal.type("\x1b[A\x1b[A\x1b[A", "Sing!");
    terminal.type(CTRL_C, /./).catch(() => {});
    await terminal.type("/exit\r", /exit/);
    expect(await terminal.ended).toBe(0);
    expect(readFileSync(at("state/luciole/chat-history"), "utf8")).toContain("What is 7*8?\n");
  });
  test("Ctrl-C interrupts a reply and leaves the chat going; twice, it leaves", async () => {
    // Plain TypeScript is slow enough to be interrupted, and at this temperature the model never ends by itself.
    const terminal = new Terminal(["chat", at("model"), "--backend", "reference", "--temperature", "50"]);
    await terminal.type("", "> ");
    await terminal.type("Go on\r", /thinking … \d+ token|tokens\/s/);
    const ended = await terminal.type(CTRL_C, /interrupted/);
    expect(ended).toMatch(/\d+ tokens.*, interrupted/);
    await terminal.type("/stats\r", /1 reply,/);
    await terminal.type(CTRL_C, "Ctrl-C once more leaves");
    terminal.type(CTRL_C, /./).catch(() => {});
    expect(await terminal.ended).toBe(0);
  });
});
