// Reports: self-contained, safe with hostile text, true to the numbers, and drawn from whatever a run has logged so
// far.
import { describe, expect, test } from "vitest";
import { formatDuration, formatNumber } from "../number-text.js";
import type { EvaluationSummary, MetricsRecord, RunSummary, SampleRecord } from "../run/records.js";
import type { RunRecords } from "../run/run-directory.js";
import { rlCharts, trainingCharts } from "./charts.js";
import { headlineSentence, headlineTable } from "./headline.js";
import { escapeHtml, scriptJson } from "./html.js";
import { renderReport } from "./report.js";
import { expertLoads, movingMean, tabulate, thin } from "./series.js";
import { groupTranscripts, renderGroup, rolloutsOverTime } from "./transcripts.js";

const evaluation = (pass1: number, stderr = 0.01): EvaluationSummary => ({
  pass1,
  problems: 512,
  passK: 0.9,
  consK: 0.6,
  meanThinkTokens: 80,
  formatRate: 0.7,
  stderr: { pass1: stderr, passK: 0.01, consK: 0.01, meanThinkTokens: 2, formatRate: 0.01 },
});

const summary = (base: number, final: number): RunSummary => ({
  base: evaluation(base),
  final: evaluation(final),
  problems: 512,
  samplesPerProblem: 16,
  seed: 1,
  params: 3_200_000,
  activeParams: 1_100_000,
  pretrainTokens: 4e7,
  rlSteps: 200,
  wallSeconds: 725,
  peakRssBytes: 6e8,
  tokensPerSecond: { pretrain: 20_000, rollout: 15_000, train: 18_000 },
  mfu: 0.4,
  runDir: "/elsewhere/zero",
});

const hostile = `</script><script>alert("x")</script><img src=x onerror='alert(1)'>\u2028`;

function run(records: Partial<RunRecords> = {}): RunRecords {
  const machine = { cpu: "A CPU", threads: 2, isa: "avx2", memoryBytes: 8e9, platform: "linux x64" };
  const config = {
    verb: "zero",
    seed: 1,
    options: { rl: { steps: 200 } },
    versions: { node: "20.19.0" },
    machine,
    startedAt: "2026-07-04T09:05:03.000Z",
  };
  return { path: "/runs/zero", config, metrics: [], samples: [], ...records };
}

const rlStep = (step: number, metrics: object = {}): MetricsRecord => ({
  phase: "rl",
  step,
  reward: step / 100,
  ...metrics,
});
const sample = (problem: string, model: string | undefined, completion = "c"): SampleRecord => ({
  phase: model ? "eval" : "rl",
  step: 0,
  model,
  problem,
  prompt: "p",
  completion,
});

describe("a report", () => {
  test("asks for nothing outside its own file", () => {
    const html = renderReport(run({ metrics: [rlStep(1), rlStep(2)], summary: summary(0.3, 0.8) }));
    expect(html).toContain("default-src 'none'");
    expect(html).not.toMatch(/<(?:link|img|iframe|script)[^>]+(?:src|href)=/);
    expect(html).not.toMatch(/@import|url\(/);
    expect(html).toContain("var uPlot=");
  });

  test("lets no text of a run become markup", () => {
    const samples = [
      sample(hostile, "base", hostile),
      { ...sample(hostile, "final", `<think>${hostile}</think>${hostile}`), prompt: hostile, answer: hostile },
    ];
    const base = run();
    const config = {
      ...base.config,
      verb: hostile,
      options: { [hostile]: hostile },
      machine: { ...base.config.machine, cpu: hostile },
    };
    const html = renderReport({
      ...base,
      path: `/runs/${"<script>x"}`,
      config,
      samples,
      metrics: [rlStep(1, { [`expert_load/${hostile}`]: [1] })],
      summary: summary(0.3, 0.8),
    });
    expect(html.match(/<script/g)).toHaveLength(3);
    expect(html).not.toContain("<img");
    expect(html).toContain("&lt;img src=x onerror=&#39;alert(1)&#39;&gt;");
    expect(JSON.parse(scriptJson(hostile))).toBe(hostile);
    expect(scriptJson(hostile)).not.toMatch(/[<\u2028]/);
  });

  test("shows an unfinished or empty run as such", () => {
    expect(renderReport(run())).toContain("This run has not started yet.");
    const html = renderReport(run({ metrics: [rlStep(17)] }));
    expect(html).toContain("This run has not finished: rl, step 17.");
    expect(html).not.toContain('<table class="headline"');
  });

  test("writes the summary's own numbers with their errors", () => {
    const html = renderReport(run({ summary: summary(0.312, 0.784) }));
    expect(html).toContain("31.2%<small>± 1.0</small>");
    expect(html).toContain("+47.2 pts");
    expect(html).toContain("512 distinct held-out problems × 16 answers");
    expect(html).toContain("12 min 5 s in total");
  });

  test("names the k of pass@k and cons@k, and neither with one sample", () => {
    const table = (samplesPerProblem: number) => headlineTable({ ...summary(0.3, 0.8), samplesPerProblem });
    expect(table(4)).toContain("pass@4");
    expect(table(4)).toContain("majority vote of 4 answers");
    expect(table(4)).not.toContain("@16");
    expect(table(1)).not.toContain("cons@");
  });

  test("has no row for a speed or utilisation that was not measured", () => {
    const idle = { ...summary(0.3, 0.8), tokensPerSecond: { pretrain: null, rollout: 15_000, train: null }, mfu: null };
    const html = renderReport(run({ summary: idle }));
    expect(html).toContain("rollouts, tokens/s");
    for (const label of ["RL updates, tokens/s", "pretraining, tokens/s", "model FLOPs utilisation"])
      expect(html).not.toContain(label);
  });

  test("shows no error and claims no change where one problem leaves the error unknown", () => {
    const unknown = (pass1: number): EvaluationSummary => {
      const errors = { pass1: null, passK: null, consK: null, meanThinkTokens: null, formatRate: null };
      return { ...evaluation(pass1), problems: 1, stderr: errors };
    };
    const one = { ...summary(0, 1), base: unknown(0), final: unknown(1), problems: 1 };
    expect(headlineSentence(one)).toContain("too few problems for a comparison");
    expect(headlineTable(one)).not.toContain("±");
  });
});

test("the headline says rose, fell, or no clear change by two standard errors", () => {
  expect(headlineSentence(summary(0.3, 0.8))).toMatch(/rose from <em>30.0%<\/em> to .*80.0%/);
  expect(headlineSentence(summary(0.5, 0.4))).toContain("fell from");
  expect(headlineSentence(summary(0.5, 0.52))).toContain("did not change significantly");
});

describe("curves", () => {
  test("merge the lines of a step, the last one winning, and leave gaps as gaps", () => {
    const { steps, columns } = tabulate(
      [
        rlStep(2),
        rlStep(1, { kl: 1 }),
        rlStep(2, { reward: 9 }),
        { phase: "eval", step: 3, pass1: 1 },
        { phase: "rl", step: 3, reward: null },
      ],
      "rl",
    );
    expect(steps).toEqual([1, 2, 3]);
    expect(columns.get("reward")).toEqual([0.01, 9, null]);
    expect(columns.get("kl")).toEqual([1, null, null]);
  });

  test("keep their mean when thinned and their level when smoothed", () => {
    const table = { steps: [1, 2, 3, 4, 5], columns: new Map([["x", [1, 3, null, 5, 7]]]) };
    expect(thin(table, 3)).toEqual({ steps: [2, 4, 5], columns: new Map([["x", [2, 5, 7]]]) });
    expect(movingMean([1, 2, 3, null, 9], 3)).toEqual([1.5, 2, 2.5, null, 9]);
  });

  test("exist only for what was logged; measurements are marked, noise is smoothed", () => {
    const metrics = Array.from(
      { length: 100 },
      (_, index): MetricsRecord => ({
        phase: "pretrain",
        step: index + 1,
        loss: 2,
        ...(index % 10 === 0 ? { val_loss: 1 } : {}),
      }),
    );
    const [loss, ...others] = trainingCharts(metrics);
    expect(others).toEqual([]);
    expect(loss.series.map(({ label, faint, points }) => [label, faint ?? false, points ?? false])).toEqual([
      ["training, each step", true, false],
      ["training", false, false],
      ["validation", false, true],
    ]);
    expect(rlCharts(metrics)).toEqual([]);
  });

  test("carry a band of two standard errors where there is one", () => {
    const [chart] = rlCharts([0, 1, 2].map((step) => ({ phase: "eval", step, pass1: 0.5, pass1_stderr: 0.05 })));
    expect(chart.series[0].band).toEqual([
      [0.4, 0.4, 0.4],
      [0.6, 0.6, 0.6],
    ]);
  });

  test("of one or two values are points and no line", () => {
    const look = (count: number) => {
      const metrics = Array.from(
        { length: count },
        (_, step): MetricsRecord => ({ phase: "eval", step, pass1: 0.5, pass1_stderr: 0.05 }),
      );
      const { line, points, band } = rlCharts([...metrics, rlStep(1)])[0].series[0];
      return { line: line ?? true, points: points ?? false, band: band !== undefined };
    };
    expect([1, 2].map(look)).toEqual(Array.from({ length: 2 }, () => ({ line: false, points: true, band: false })));
    expect(look(3)).toEqual({ line: true, points: true, band: true });
  });

  test("are labelled with the samples that were taken", () => {
    const [chart] = rlCharts([{ phase: "eval", step: 0, k: 4, pass1: 0.5, cons_k: 0.5, pass_k: 0.7 }]);
    expect(chart.series.map(({ label }) => label)).toEqual(["pass@1", "cons@4", "pass@4"]);
  });

  test("say so when a difference is zero throughout", () => {
    const [, chart] = rlCharts([
      rlStep(1, { "trained/sampling_logp_difference/max": 0 }),
      rlStep(2, { "trained/sampling_logp_difference/max": 0 }),
    ]);
    expect(chart.note).toContain("exactly zero at every step");
  });
});

test("expert loads are relative to the even share, layers in numeric order, bins averaged", () => {
  const metrics = [1, 2, 3].map((step) =>
    rlStep(step, { "expert_load/10": [0.5, 0.5], "expert_load/2": [0.25, 0.75] }),
  );
  expect(expertLoads(metrics, "rl", 2)).toEqual([
    {
      layer: "2",
      steps: [2, 3],
      load: [
        [0.5, 1.5],
        [0.5, 1.5],
      ],
    },
    {
      layer: "10",
      steps: [2, 3],
      load: [
        [1, 1],
        [1, 1],
      ],
    },
  ]);
  expect(expertLoads(metrics, "pretrain")).toEqual([]);
});

test("expert loads carry the layer's number, and the prediction block its name", () => {
  const html = renderReport(
    run({
      metrics: [1, 2].map((step) => rlStep(step, { "expert_load/3": [0.5, 0.5], "expert_load/mtp1": [0.5, 0.5] })),
    }),
  );
  expect(html.match(/<figcaption><b>(Layer|Prediction)[^<]*/g)).toEqual([
    "<figcaption><b>Layer 3",
    "<figcaption><b>Prediction block 1",
  ]);
});

describe("transcripts", () => {
  test("set thinking apart, also when the prompt opens it or nothing closes it", () => {
    const shown = (prompt: string, completion: string) => {
      const html = renderGroup({ problem: "p", answers: [{ ...sample("p", "final", completion), prompt }] });
      const text = (pattern: RegExp) => pattern.exec(html)?.[1];
      return [
        text(/thinking<\/span><pre>([^<]*)/),
        text(/<pre class="answer">([^<]*)/) ?? text(/class="none">([^<]*)/),
      ];
    };
    expect(shown("p", "<think>a</think> b")).toEqual(["a", "b"]);
    expect(shown("p\n<think>", "a</think>b")).toEqual(["a", "b"]);
    expect(shown("p", "<think>a")).toEqual(["a", "the thinking never ended"]);
    expect(shown("p", "b")).toEqual([undefined, "b"]);
    expect(shown("p", "")).toEqual([undefined, "no answer"]);
    // As the engine reads it: what a lone closing tag ends was thought, and the answer's tags are part of the text.
    expect(shown("p", "a</think><answer>b</answer>")).toEqual(["a", "&lt;answer&gt;b&lt;/answer&gt;"]);
  });

  test("group the same problem, in file order, first sample of each model", () => {
    const samples = [
      sample("b", "base", "1"),
      sample("a", "base"),
      sample("b", "base", "2"),
      sample("a", "final"),
      sample("b", "final"),
      sample("c", "base"),
    ];
    const groups = groupTranscripts(samples);
    expect(groups.map(({ problem }) => problem)).toEqual(["b", "a"]);
    expect(groups[0].answers.map(({ model, completion }) => [model, completion])).toEqual([
      ["base", "1"],
      ["final", "c"],
    ]);
    expect(groupTranscripts([sample("c", "base")])).toHaveLength(1);
  });

  test("of training are spread over the whole run", () => {
    const rollouts = Array.from({ length: 101 }, (_, step) => ({ ...sample("t", undefined), step }));
    expect(rolloutsOverTime(rollouts, 5).map(({ step }) => step)).toEqual([0, 25, 50, 75, 100]);
  });
});

test("numbers read well", () => {
  expect([0, 7, 0.12345, 412, 1830, 3_214_592, 1.5e9].map(formatNumber)).toEqual([
    "0",
    "7",
    "0.123",
    "412",
    "1,830",
    "3.21 M",
    "1.50 G",
  ]);
  expect([48, 725, 720, 12_000, 3600].map(formatDuration)).toEqual([
    "48 s",
    "12 min 5 s",
    "12 min",
    "3 h 20 min",
    "1 h",
  ]);
});

describe("a person's own rewards", () => {
  const step = (n: number): MetricsRecord => ({
    ...rlStep(n),
    "rewards/brevity_reward/mean": -n,
    "rewards/accuracy_reward/mean": 0.5,
    "unit named": n / 50,
    grad_norm: 1,
  });
  const metrics = Array.from({ length: 30 }, (_, n) => step(n + 1));

  test("have a chart together, and each figure that they log one of its own", () => {
    const charts = rlCharts(metrics);
    expect(charts.map(({ title }) => title)).toEqual([
      "Reward",
      "Rewards",
      "unit named",
      "Correct answers and correct format",
      "Gradient norm",
    ]);
    expect(charts[1].series.map(({ label }) => label)).toEqual(["brevity, each step", "brevity"]);
    expect(new Set(charts.map(({ id }) => id)).size).toBe(charts.length);
  });

  test("are shown for each rollout that was kept, whole and safe", () => {
    const rollout = (n: number, value: number | null): SampleRecord => ({
      ...sample("p", undefined, `${hostile} answer ${n}`),
      step: 3,
      reward: n,
      rewards: { [`${hostile}_reward`]: value },
    });
    const html = renderReport(run({ metrics, samples: [rollout(1, 0.25), rollout(2, null)] }));
    const table = html.slice(
      html.indexOf('<table class="rollouts">'),
      html.indexOf("</table>", html.indexOf('<table class="rollouts">')),
    );
    expect(table.match(/<tr/g)).toHaveLength(3);
    expect(table).toContain(">0.25</td>");
    expect(table).toContain(">–</td>");
    expect(html.match(/<script/g)).toHaveLength(3);
  });
});

test("turns in an environment are shown in their order, whole and safe", () => {
  const turns = [
    { from: "model" as const, text: "<think>[3*4]" },
    { from: "environment" as const, text: `=12 ${hostile}` },
    { from: "model" as const, text: "</think><answer>12</answer>" },
  ];
  const html = renderReport(run({ metrics: [rlStep(1)], samples: [{ ...sample("p", undefined, "x"), turns }] }));
  const shown = [...html.matchAll(/<div class="turn (\w+)"><span class="tag">\w+<\/span><pre>(.*?)<\/pre>/gs)];
  expect(shown.map(([, from, text]) => [from, text])).toEqual(turns.map(({ from, text }) => [from, escapeHtml(text)]));
  expect(html.match(/<script/g)).toHaveLength(3);
});

test("an unfinished run tells how long it has taken", () => {
  const metrics: MetricsRecord[] = [{ phase: "rl", step: 1, time: "2026-07-04T09:17:08.000Z", reward: 1 }];
  expect(renderReport(run({ metrics }))).toContain("12 min 5 s from the start to the last log entry.");
});
