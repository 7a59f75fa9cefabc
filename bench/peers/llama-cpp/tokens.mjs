// Token ids of hard texts in llama.cpp and here, for the vocabulary of a GGUF file: also of the first part of one that
// was cut for distribution.
// Usage: node tokens.mjs FILE        README.md says where to get one.
import { copyFileSync, mkdtempSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { getLlama } from "node-llama-cpp";

const root = new URL("../../../dist/src/", import.meta.url);
const load = (path) => import(fileURLToPath(new URL(path, root)));
const { openGguf } = await load("checkpoint/gguf.js");
const { createGgufTokenizer } = await load("tokenizer/create-tokenizer.js");

const TEXTS = [
  "Hello, world! It's what we'll do: they've said I'm right, you'd see. IT'S WE'LL",
  "for (let i = 0; i < 100; i++) {\n\tif (x[i] != 1234567) return f(x) ** 2;  // done\n}\n\n\n",
  "L'été, le cœur naïf; déjà vu. Ångström und Straße — «größer»",
  "你好，世界！这是一个测试。２０２５年１月２０日，DeepSeek发布了R1。日本語のテキスト、カタカナー。",
  "한국어 텍스트와 숫자 123입니다. Привет, мир! Ελληνικά: καλημέρα κόσμε مرحبا بالعالم ١٢٣ नमस्ते ไทยภาษา עברית",
  "½ ² ³ Ⅷ ① ㊿ 𝟙𝟚𝟛 12345678901234567890 3.14159 1e-10",
  "🔥🔥 👩‍👩‍👧‍👦 🇫🇷 ❤️ 👍🏽 ok 😀text",
  "a                                                                b\n\n\n\n\n\n\n\nc\t\t\t\td   \n   \n e   ",
  "\u00a0nbsp\u3000wide\u2003em\u2028line\u2029para\u0085nel\ufeffbom\u200bzero control " +
    "\u0001\u0007\u001b[0m\u007f end",
  "$100 + 50% = €150 ± ≤ ≥ ∑∫√ → ⇒ `code` ~tilde~ ^hat^ a_b-c.d@e.f#g http://example.com/a?b=c&d=e#f",
  "<｜User｜>What is 7*8?<｜Assistant｜><think>\n7*8=56</think>\n\n\\boxed{56}<｜end▁of▁sentence｜>",
  "[INST] a dog?[/INST]</s><s> the <unk>é</s>  the",
  "<think> < think> <think <｜User <｜｜ </think",
  "\\begin{align*} \\frac{1}{2} &= \\sum_{n=0}^{\\infty} x^n \\\\ \\end{align*}",
];

const folder = mkdtempSync(join(tmpdir(), "luciole-tokens-"));
const { path, file } = await openWhole(process.argv[2]);
const tokenizer = createGgufTokenizer(file.facts, path);
const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });
const model = await llama.loadModel({ modelPath: path, vocabOnly: true });
console.log(`${tokenizer.vocabSize} tokens, pre-tokeniser ${file.facts.text("tokenizer.ggml.pre")}`);
let failures = 0;
for (const text of TEXTS) {
  const [ours, theirs] = [[...tokenizer.encode(text)], [...model.tokenize(text, true)]];
  const isEqual = ours.join() === theirs.join();
  if (!isEqual) failures++;
  console.log(
    `${isEqual ? "equal " : "DIFFER"}  ${String(ours.length).padStart(4)} ids  ` +
      `${JSON.stringify(text.slice(0, 48))}`,
  );
  if (!isEqual) console.log(`  ours      ${ours.join(" ")}\n  llama.cpp ${theirs.join(" ")}`);
}
console.log(
  failures === 0 ? `all ${TEXTS.length} texts have the same ids` : `${failures} of ${TEXTS.length} texts differ`,
);
await file.close();
await llama.dispose();
rmSync(folder, { recursive: true });
process.exit(failures > 0 ? 1 : 0);

/** The file, or, where it is only the beginning of one, a copy as long as its header says, the rest without content. */
async function openWhole(given) {
  try {
    return { path: given, file: await openGguf(given) };
  } catch (error) {
    if (!error.message.includes("truncated")) throw error;
    const path = join(folder, "whole.gguf");
    copyFileSync(given, path);
    truncateSync(path, 2 ** 40);
    const file = await openGguf(path);
    const end = Math.max(...[...file.tensors.values()].map(({ byteOffset, sizeBytes }) => byteOffset + sizeBytes));
    truncateSync(path, Math.max(end, statSync(given).size));
    return { path, file };
  }
}
