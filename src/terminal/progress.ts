// Progress of a run as it happens: redrawn in place on a terminal, plain and rarely elsewhere.
// Is told stages, steps and metrics; knows nothing of where they come from, and never writes to a file.

import { formatDuration, formatNumber, formatPercent } from "../number-text.js";
import { brailleChart, rangeOf } from "./braille-chart.js";
import { type ProgressOptions, ProgressScreen } from "./progress-screen.js";

interface Stage {
  name: string;
  total: number;
  step: number;
  startedAtMs: number;
  /** Moments of recent steps, for a rate that follows what the machine does now. */
  recent: { step: number; atMs: number }[];
  metrics: Record<string, number>;
  history: Map<string, number[]>;
}

const RATE_WINDOW = 32;
const CHART_HEIGHT = 4;

/** Curves drawn per stage: the first two of these that the stage logs. */
const CHARTED: readonly (readonly [metric: string, label: string, color: number])[] = [
  ["reward", "reward", 32],
  ["rewards/accuracy_reward/mean", "accuracy", 33],
  ["loss", "loss", 36],
  ["tokens_per_second", "tokens/s", 34],
];

/** Metrics told in the line of figures, in this order, where a stage has them. */
const FIGURES: readonly (readonly [metric: string, label: string, write: (value: number) => string])[] = [
  ["reward", "reward", (value) => value.toFixed(3)],
  ["rewards/accuracy_reward/mean", "accuracy", formatPercent],
  ["rewards/format_reward/mean", "format", formatPercent],
  ["pass1", "pass@1", formatPercent],
  ["loss", "loss", (value) => value.toFixed(4)],
  ["val_loss", "val loss", (value) => value.toFixed(4)],
  ["completions/mean_length", "length", (value) => value.toFixed(0)],
  ["kl", "KL", (value) => formatNumber(value)],
  ["tokens_per_second", "tokens/s", (value) => formatNumber(Math.round(value))],
  ["mfu", "MFU", formatPercent],
];

/** Live progress. Call `stage`, then `update` per step, `endStage` after the last, and `close` whatever happens. */
export class Progress {
  private readonly screen: ProgressScreen;
  private current: Stage | undefined;

  constructor(options: ProgressOptions = {}) {
    this.screen = new ProgressScreen(options);
  }

  /**
   * Begins a stage of `total` steps (0 when unknown); the stage before is ended. `done` steps were made before a
   * resume.
   */
  stage(name: string, total = 0, done = 0): void {
    this.endStage();
    const { screen } = this;
    const atMs = screen.now();
    this.current = {
      name,
      total,
      step: done,
      startedAtMs: atMs,
      recent: [{ step: done, atMs }],
      metrics: {},
      history: new Map(),
    };
    screen.restart();
    if (screen.mode === "plain") screen.print(total > 0 ? `${name}: ${formatNumber(total)} steps` : name);
    if (screen.mode === "live") this.redraw();
  }

  /** Says that `step` steps are done, with metrics under their TRL names; those left out keep their last value. */
  update(step: number, metrics: Readonly<Record<string, unknown>> = {}): void {
    const stage = this.current;
    if (!stage) return;
    const atMs = this.screen.now();
    stage.step = step;
    stage.recent.push({ step, atMs });
    if (stage.recent.length > RATE_WINDOW) stage.recent.shift();
    for (const [name, value] of Object.entries(metrics)) {
      if (typeof value !== "number") continue;
      stage.metrics[name] = value;
      if (CHARTED.some(([metric]) => metric === name)) historyOf(stage, name).push(value);
    }
    if (this.screen.isDue()) this.redraw();
  }

  /** Ends the stage and leaves one line of what it came to. */
  endStage(): void {
    const stage = this.current;
    if (!stage) return;
    this.screen.erase();
    this.current = undefined;
    const steps = stage.step > 0 ? `${formatNumber(stage.step)} steps in ` : "";
    const parts = [
      `${steps}${formatDuration((this.screen.now() - stage.startedAtMs) / 1000)}`,
      ...figures(stage.metrics),
    ];
    const { screen } = this;
    screen.print(`${screen.paint(32, "✓")} ${screen.paint(1, stage.name)}  ${parts.join("  ")}`);
  }

  /** Prints a line that stays, above what is being redrawn. */
  note(text: string): void {
    this.screen.erase();
    this.screen.print(text);
    if (this.screen.mode === "live" && this.current) this.redraw();
  }

  /** Gives the terminal back as it was, without ending the stage: for errors and Ctrl-C. Safe to call twice. */
  close(): void {
    this.screen.erase();
    this.current = undefined;
  }

  private redraw(): void {
    const { screen } = this;
    const stage = this.current!;
    const live = () => [
      `${screen.paint(33, "●")} ${screen.paint(1, stage.name)}  ${this.bar(stage)}`,
      `  ${figures(stage.metrics).join("  ")}`,
      ...this.charts(stage, screen.width),
    ];
    screen.draw(screen.mode === "plain" ? [this.statusLine(stage)] : live());
  }

  private bar(stage: Stage): string {
    if (stage.total <= 0) return this.timing(stage);
    return `${this.screen.bar(stage.step / stage.total)} ${stage.step}/${stage.total}  ${this.timing(stage)}`;
  }

  private timing(stage: Stage): string {
    const rate = stepsPerSecond(stage);
    if (!rate) return this.screen.paint(90, formatDuration((this.screen.now() - stage.startedAtMs) / 1000));
    const pace =
      rate >= 1
        ? `${formatNumber(Number(rate.toFixed(1)))} steps/s`
        : `${formatNumber(Number((1 / rate).toFixed(1)))} s/step`;
    return stage.total > 0 ? `${pace}  ${formatDuration((stage.total - stage.step) / rate)} left` : pace;
  }

  private statusLine(stage: Stage): string {
    const counted = stage.total > 0 ? `${stage.step}/${stage.total}` : `${stage.step}`;
    return [`${stage.name} ${counted}`, this.timing(stage), ...figures(stage.metrics)].join("  ");
  }

  private charts(stage: Stage, width: number): string[] {
    const shown = CHARTED.filter(([metric]) => (stage.history.get(metric)?.length ?? 0) > 2).slice(0, 2);
    if (shown.length === 0) return [];
    const chartWidth = Math.max(8, Math.min(44, Math.floor((width - 4) / shown.length) - 12));
    const blocks = shown.map(([metric, label, color]) =>
      this.chart(stage.history.get(metric)!, label, color, chartWidth),
    );
    return blocks[0].map((_, row) => `  ${blocks.map((block) => block[row]).join("  ")}`);
  }

  private chart(values: readonly number[], label: string, color: number, width: number): string[] {
    const range = rangeOf(values);
    const bounds = range ? [formatNumber(range.high), formatNumber(range.low)] : ["", ""];
    const rows = brailleChart(values, width, CHART_HEIGHT, range).map((row, index) => {
      const bound = index === 0 ? bounds[0] : index === CHART_HEIGHT - 1 ? bounds[1] : "";
      return `${this.screen.paint(90, bound.padStart(7))} ${this.screen.paint(color, row)}`;
    });
    return [`${" ".repeat(8)}${label.padEnd(width)}`, ...rows];
  }
}

function historyOf({ history }: Stage, metric: string): number[] {
  const values = history.get(metric) ?? [];
  history.set(metric, values);
  return values;
}

function figures(metrics: Readonly<Record<string, number>>): string[] {
  return FIGURES.flatMap(([metric, label, write]) =>
    metrics[metric] === undefined ? [] : `${label} ${write(metrics[metric])}`,
  );
}

function stepsPerSecond({ recent }: Stage): number | undefined {
  const elapsedMs = recent.at(-1)!.atMs - recent[0].atMs;
  const steps = recent.at(-1)!.step - recent[0].step;
  return elapsedMs > 0 && steps > 0 ? (1000 * steps) / elapsedMs : undefined;
}
