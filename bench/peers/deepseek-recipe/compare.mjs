// Holds the server's conversions against DeepSeek's own: requests of three dialects to prompts and token ids, tokens of
// replies to messages and events. Run after `npm run build`; see README.md.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { scriptTokenizer } from "../../../dist/tests/interop/scripted-model.js";
import { OurPrompts } from "./our-prompts.mjs";
import { OurStreams, STREAM_SCRIPT } from "./our-streams.mjs";
import { asTold } from "./told.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({
  options: {
    python: { type: "string", default: "python3" },
    prompts: { type: "string", default: "2000" },
    streams: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    show: { type: "string", default: "3" },
  },
});

/** What the peer makes of each case, line by line; the first line is about the peer itself. */
async function* peerLines(byteTokenizer) {
  const args = [join(here, "cases.py"), values.prompts, values.streams, values.seed, byteTokenizer];
  const peer = spawn(values.python, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => peer.once("close", resolve));
  for await (const line of createInterface({ input: peer.stdout })) yield JSON.parse(line);
  const code = await ended;
  if (code !== 0) throw new Error(`cases.py ended with ${code}`);
}

const tally = new Map();
let numShown = 0;

/** Counts a case; shows the first that differ. */
function note(kind, verdict, given, ours, theirs) {
  const key = `${kind}: ${verdict}`;
  tally.set(key, (tally.get(key) ?? 0) + 1);
  if (verdict !== "DIFFERENT" || numShown++ >= Number(values.show)) return;
  console.log(
    `${kind}\n  body   ${JSON.stringify(given)}\n  ours   ${JSON.stringify(ours)}\n  theirs ${JSON.stringify(theirs)}`,
  );
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

function judgePrompt(prompts, { dialect, body, refused, ...told }) {
  const kind = `prompt, ${dialect}`;
  const ours = prompts.of(dialect, body);
  if (refused !== undefined || ours.refused !== undefined) {
    const verdict = !ours.refused ? "only the peer refuses" : refused ? "both refuse" : "DIFFERENT";
    return note(kind, verdict, body, ours, refused ?? told.prompt);
  }
  const theirs = prompts.comparable(told);
  note(
    kind,
    same(ours, theirs) ? "equal" : "DIFFERENT",
    body,
    firstDifference(ours, theirs),
    firstDifference(theirs, ours),
  );
}

/** The fields that differ, texts from just before the place. */
function firstDifference(one, other) {
  const entries = Object.entries(one).filter(([key, value]) => !same(value, other[key]));
  const cut = (text, of) => text.slice(Math.max(0, [...text].findIndex((c, i) => c !== of[i]) - 20)).slice(0, 120);
  return Object.fromEntries(
    entries.map(([key, value]) => [key, typeof value === "string" ? cut(value, other[key] ?? "") : value]),
  );
}

async function judgeStream(streams, { dialect, body, ours: reply, counted, chunks, whole }) {
  const kind = `${body.stream ? "stream" : "whole"}, ${dialect}`;
  const [ours, theirs] = [await streams.of(dialect, body, reply), body.stream ? chunks : whole].map((given) =>
    asTold(dialect, given, body.stream, counted),
  );
  note(kind, same(ours, theirs) ? "equal" : "DIFFERENT", { body, reply }, ours, theirs);
}

const scratch = mkdtempSync(join(tmpdir(), "luciole-recipe-"));
const byteTokenizer = join(scratch, "tokenizer.json");
writeFileSync(byteTokenizer, JSON.stringify(scriptTokenizer(STREAM_SCRIPT).toJSON()));
const streams = new OurStreams();
try {
  let prompts;
  for await (const line of peerLines(byteTokenizer)) {
    if (line.frame) {
      console.log(`deepseek-recipe ${line.version}, seed ${values.seed}`);
      prompts = new OurPrompts(line, readFileSync(join(here, "v4.jinja"), "utf8"));
    } else if (line.kind === "prompt") judgePrompt(prompts, line);
    else await judgeStream(streams, line);
  }
} finally {
  await streams.close();
  rmSync(scratch, { recursive: true });
}
for (const [key, count] of [...tally].sort()) console.log(`${String(count).padStart(6)}  ${key}`);
if ([...tally.keys()].some((key) => key.endsWith("DIFFERENT"))) process.exitCode = 1;
