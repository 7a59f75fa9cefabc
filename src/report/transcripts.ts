// Transcripts for a report: the same held-out problem before and after, thinking apart from the answer.
// Takes problems in the order they were written, never by result; knows nothing of how answers are judged.

import { formatNumber } from "../number-text.js";
import { clipped } from "../plain-text.js";
import type { SampleRecord } from "../run/records.js";
import { opensThought, parseResponse, THINK_CLOSE, THINK_OPEN } from "../tasks/response.js";
import { escapeHtml } from "./html.js";

const MAX_GROUPS = 8;

/** A held-out problem with the answer of each model, in the order of the evaluations. */
export interface TranscriptGroup {
  problem: string;
  answers: readonly SampleRecord[];
}

/**
 * The first problems, in file order, that all models answered; failing that, that some did. First sample of each
 * counts.
 */
export function groupTranscripts(samples: readonly SampleRecord[], maxGroups = MAX_GROUPS): TranscriptGroup[] {
  const groups = new Map<string, Map<string, SampleRecord>>();
  for (const sample of samples) {
    if (sample.model === undefined) continue;
    const answers = groups.get(sample.problem) ?? new Map<string, SampleRecord>();
    if (!answers.has(sample.model)) answers.set(sample.model, sample);
    groups.set(sample.problem, answers);
  }
  const numModels = Math.max(2, new Set(samples.flatMap(({ model = [] }) => model)).size);
  const all = [...groups].map(([problem, answers]) => ({ problem, answers: [...answers.values()] }));
  const complete = all.filter(({ answers }) => answers.length === numModels);
  return (complete.length > 0 ? complete : all).slice(0, maxGroups);
}

/** The training rollouts of steps evenly spaced over the run, first and last included. */
export function rolloutsOverTime(samples: readonly SampleRecord[], numSteps = 12): SampleRecord[] {
  const rollouts = samples.filter((sample) => sample.phase === "rl" && sample.model === undefined);
  const steps = [...new Set(rollouts.map(({ step }) => step))];
  if (steps.length <= numSteps) return rollouts;
  const shown = new Set(
    Array.from({ length: numSteps }, (_, index) => steps[Math.round((index * (steps.length - 1)) / (numSteps - 1))]),
  );
  return rollouts.filter(({ step }) => shown.has(step));
}

/** What stands above an answer of the models before and after reinforcement; others go by their own name. */
const TITLES: Readonly<Record<string, string>> = { base: "Base", final: "After RL" };

/** HTML of one problem, then the answers side by side. */
export function renderGroup({ answers }: TranscriptGroup): string {
  const [shown] = answers;
  const goal = shown.answer === undefined ? "" : `<p class="goal">Answer: <code>${escapeHtml(shown.answer)}</code></p>`;
  const sides = answers.map((answer) => {
    const { model = "" } = answer;
    return renderSide(TITLES[model] ?? `After ${model}`, model === "base" ? "base" : "final", answer);
  });
  return renderPair(shownPrompt(shown), goal, sides);
}

/** HTML of a question, a remark beside it, and what was said to it, side by side. Remark and sides are HTML. */
export const renderPair = (question: string, remark: string, sides: readonly string[]): string =>
  `<article class="pair"><header><pre class="prompt">${escapeHtml(question)}</pre>${remark}</header>
<div class="sides${sides.length === 1 ? " one" : ""}">${sides.join("")}</div></article>`;

/**
 * HTML of the table of training rollouts: what was asked, what came, what each reward gave. A row opens to the whole
 * text.
 */
export function renderRollouts(rollouts: readonly SampleRecord[]): string {
  const names = [...new Set(rollouts.flatMap(({ rewards = {} }) => Object.keys(rewards)))];
  const head = ["Step", "Rollout", "Tokens", "Reward", ...names.map(shownRewardName)]
    .map((title) => `<th scope="col">${escapeHtml(title)}</th>`)
    .join("");
  const rows = rollouts.map((sample, i) => rolloutRow(sample, names, sample.step !== rollouts[i - 1]?.step));
  return (
    `<div class="scroll"><table ` +
    `class="rollouts"><thead><tr>${head}</tr></thead><tbody>${rows.join("\n")}</tbody></table></div>`
  );
}

/** `accuracy_reward` → `accuracy`. */
export const shownRewardName = (name: string): string => name.replace(/_reward$/, "").replaceAll("_", " ");

function rolloutRow(sample: SampleRecord, names: readonly string[], isFirst: boolean): string {
  const question = escapeHtml(clipped(shownPrompt(sample), 48));
  const reply = escapeHtml(clipped(sample.completion, 96));
  const whole = renderSide(`Step ${sample.step}`, "final", sample);
  const cells = [
    numberCell("step", isFirst ? formatNumber(sample.step) : ""),
    `<td><details><summary><b>${question}</b> ${reply}</summary>${whole}</details></td>`,
    measuredCell("tokens", sample.numTokens),
    measuredCell("reward", sample.reward),
    ...names.map((name) => measuredCell(shownRewardName(name), sample.rewards?.[name])),
  ];
  return `<tr${isFirst ? ' class="first"' : ""}>${cells.join("")}</tr>`;
}

const numberCell = (label: string, text: string): string =>
  `<td class="n" data-label="${escapeHtml(label)}">${escapeHtml(text)}</td>`;

const measuredCell = (label: string, value: number | null | undefined): string =>
  numberCell(label, value === null || value === undefined ? "–" : formatNumber(value));

/** The think tag that ends a prompt is shown as the thinking it opens. */
function shownPrompt({ prompt }: SampleRecord): string {
  const text = prompt.trim();
  return opensThought(text) ? text.slice(0, -THINK_OPEN.length).trimEnd() : text;
}

/** Turn by turn, as written: a call stands in the middle of a thought. */
function renderTurns(turns: NonNullable<SampleRecord["turns"]>): string {
  return turns
    .map(
      ({ from, text }) =>
        `<div class="turn ${from}"><span class="tag">${from}</span><pre>${escapeHtml(text)}</pre></div>`,
    )
    .join("");
}

/** What a model said and what was made of it. */
export type SaidSample = Pick<SampleRecord, "prompt" | "completion" | "turns" | "correct" | "reward" | "numTokens">;

/** HTML of one response under a title. `remark`: HTML below it. */
export function renderSide(title: string, role: "base" | "final", sample: SaidSample, remark = ""): string {
  const heading = `<h4>${escapeHtml(title)}${verdict(sample)}</h4>`;
  const said = sample.turns ? renderTurns(sample.turns) : renderResponse(sample);
  return `<section class="side ${role}">${heading}${said}${remark}</section>`;
}

function renderResponse(sample: SaidSample): string {
  // As a chat is read: the tags of the answer are shown as they were written.
  const read = parseResponse(sample.completion, { form: "chat", startsInside: opensThought(sample.prompt) });
  const [thinking, answer] = [read.think?.trim() ?? "", read.reply.trim()];
  const closed = read.think === null || read.tags.includes(THINK_CLOSE);
  const thought =
    thinking === ""
      ? ""
      : `<div class="thinking"><span class="tag">thinking</span><pre>${escapeHtml(thinking)}</pre></div>`;
  const reply =
    answer === ""
      ? `<p class="none">${closed ? "no answer" : "the thinking never ended"}</p>`
      : `<pre class="answer">${escapeHtml(answer)}</pre>`;
  return `${thought}${reply}`;
}

function verdict({ correct, reward, numTokens }: SaidSample): string {
  const parts = [
    correct === undefined ? "" : `<b class="${correct ? "right" : "wrong"}">${correct ? "✓ right" : "✗ wrong"}</b>`,
    reward === undefined ? "" : `reward ${escapeHtml(formatNumber(reward))}`,
    numTokens === undefined ? "" : `${escapeHtml(formatNumber(numTokens))} tokens`,
  ];
  return `<span class="verdict">${parts.filter(Boolean).join('<span class="dot">·</span>')}</span>`;
}
