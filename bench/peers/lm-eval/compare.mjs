// lm-evaluation-harness and `luciole eval` on the same model and the same questions: accuracy with standard errors, and
// samples a second, one after the other.
// node compare.mjs <model directory> <questions.jsonl> [python] — see README.md; nothing of the questions is committed.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const [model, questions, python = "python3"] = process.argv.slice(2);
if (!questions) throw new Error("usage: node compare.mjs <model directory> <questions.jsonl> [python]");
const numQuestions = readFileSync(questions, "utf8").trim().split("\n").length;
const folder = mkdtempSync(join(tmpdir(), "lm-eval-"));

/** Seconds that a command takes, its start included, and what it writes. */
function timed(command, args, env = {}) {
  const startedMs = performance.now();
  const options = { encoding: "utf8", env: { ...process.env, ...env }, maxBuffer: 1 << 28 };
  const stdout = execFileSync(command, args, { ...options, stdio: ["ignore", "pipe", "inherit"] });
  return { seconds: (performance.now() - startedMs) / 1000, stdout };
}

function ours() {
  const command = [join(here, "../../../dist/src/cli/main.js"), "eval", resolve(model), "--suite", "gsm8k", "--json"];
  const sampling = ["--temperature", "0.6", "--top-p", "0.95", "--max-tokens", "256", "--samples", "1"];
  const data = ["--suite-data", `gsm8k=${resolve(questions)}`, "--template", "chat"];
  const { seconds, stdout } = timed(process.execPath, [...command, ...data, ...sampling]);
  const [{ pass1, stderr }] = JSON.parse(stdout).evaluations;
  return { seconds, accuracy: pass1, error: stderr.pass1 };
}

function harness() {
  const task = readFileSync(join(here, "questions.yaml"), "utf8").replace("{FILE}", resolve(questions));
  writeFileSync(join(folder, "questions.yaml"), task);
  const { seconds } = timed(
    python,
    [
      ...["-m", "lm_eval", "--model", "hf", "--model_args", `pretrained=${resolve(model)},dtype=bfloat16`],
      ...["--tasks", "luciole_questions", "--include_path", folder, "--device", "cpu", "--batch_size", "16"],
      ...["--apply_chat_template", "--output_path", join(folder, "out")],
    ],
    { HF_HUB_OFFLINE: "1", HF_DATASETS_CACHE: join(folder, "cache") },
  );
  const file = readdirSync(join(folder, "out"), { recursive: true }).find((name) => /results.*\.json$/.test(name));
  const { results } = JSON.parse(readFileSync(join(folder, "out", file), "utf8"));
  const figures = Object.values(results)[0];
  return {
    seconds,
    accuracy: figures["exact_match,flexible-extract"],
    error: figures["exact_match_stderr,flexible-extract"],
  };
}

try {
  const rows = { luciole: ours(), "lm-evaluation-harness": harness() };
  for (const [name, { seconds, accuracy, error }] of Object.entries(rows))
    console.log(
      `${name.padEnd(22)} ${(100 * accuracy).toFixed(1)}% ± ${(100 * error).toFixed(1)}%, ` +
        `${(numQuestions / seconds).toFixed(2)} samples/s`,
    );
  const [a, b] = Object.values(rows);
  const distance = Math.abs(a.accuracy - b.accuracy) / Math.hypot(a.error, b.error);
  console.log(
    `difference: ${distance.toFixed(1)} standard errors; ours ${(b.seconds / a.seconds).toFixed(1)} times as fast`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
