// Progress of files that come from elsewhere: for the whole and per file, with rate and time left. Redrawn in place on a terminal, rare lines elsewhere.
// Is told names and bytes; knows nothing of where they come from, and never writes to a file.
import { chooseMode, clip, type ProgressMode, type ProgressOptions, type ProgressStream } from "./progress.js";
import { formatDuration, formatPercent, formatSize } from "./report-format.js";

interface Part {
  readonly name: string;
  readonly sizeBytes: number;
  receivedBytes: number;
  readonly pace: Pace;
  state: "waiting" | "coming" | "whole";
}

const REDRAW_INTERVAL_MS = 100;
const PLAIN_INTERVAL_MS = 10_000;
const SHOWN_PARTS = 4;
const BAR_WIDTH = 24;
const MARK = "✓";

/** Live progress of a transfer. Call `begin`, then `received` and `whole`, `end` after the last, and `close` whatever happens. */
export class TransferProgress {
  private readonly mode: ProgressMode;
  private readonly stream: ProgressStream;
  private readonly now: () => number;
  private readonly colored: boolean;
  private parts = new Map<string, Part>();
  private title = "";
  private pace = new Pace();
  private startedAtMs = 0;
  private drawnLines = 0;
  private lastDrawMs = 0;

  constructor(options: ProgressOptions = {}) {
    const env = options.env ?? process.env;
    this.stream = options.stream ?? (options.json ? process.stderr : process.stdout);
    this.mode = options.mode ?? chooseMode(this.stream, env);
    this.colored = this.mode === "live" && !env.NO_COLOR;
    this.now = options.now ?? (() => performance.now());
  }

  /** Says which files come, and how much of each is there. */
  begin(title: string, files: readonly { readonly path: string; readonly sizeBytes: number; readonly receivedBytes: number }[]): void {
    this.title = title;
    this.startedAtMs = this.now();
    this.parts = new Map(
      files.map(({ path, sizeBytes, receivedBytes }) => [path, { name: path, sizeBytes, receivedBytes, pace: new Pace(), state: "waiting" }]),
    );
    this.pace.note(this.now(), this.receivedBytes);
    this.lastDrawMs = this.mode === "plain" ? this.now() : Number.NEGATIVE_INFINITY;
    const there = this.receivedBytes > 0 ? `, ${formatSize(this.receivedBytes)} of them there` : "";
    if (this.mode === "plain") this.print(`${title}: ${files.length} ${files.length === 1 ? "file" : "files"}, ${formatSize(this.sizeBytes)}${there}`);
  }

  /** Says how much of a file is there now. */
  received(path: string, receivedBytes: number): void {
    const part = this.parts.get(path);
    if (!part) return;
    const nowMs = this.now();
    // What a server sends anew is no negative progress.
    if (receivedBytes < part.receivedBytes) for (const pace of [this.pace, part.pace]) pace.forget();
    part.state = "coming";
    part.receivedBytes = receivedBytes;
    part.pace.note(nowMs, receivedBytes);
    this.pace.note(nowMs, this.receivedBytes);
    if (this.mode === "live" && nowMs - this.lastDrawMs >= REDRAW_INTERVAL_MS) this.redraw();
    if (this.mode === "plain" && nowMs - this.lastDrawMs >= PLAIN_INTERVAL_MS) {
      this.lastDrawMs = nowMs;
      for (const line of [this.wholeLine(), ...this.partLines()]) this.print(line);
    }
  }

  /** Says that a file is complete. */
  whole(path: string): void {
    const part = this.parts.get(path);
    if (!part) return;
    const hasCome = part.state === "coming";
    part.state = "whole";
    part.receivedBytes = part.sizeBytes;
    if (hasCome) this.note(`${this.paint(32, MARK)} ${path}  ${formatSize(part.sizeBytes)}`);
  }

  /** Leaves one line of what it came to. */
  end(text: string): void {
    this.erase();
    const seconds = (this.now() - this.startedAtMs) / 1000;
    if (this.mode !== "silent") this.print(`${this.paint(32, MARK)} ${this.paint(1, this.title)}  ${text} in ${formatDuration(seconds)}`);
  }

  /** Prints a line that stays, above what is being redrawn. */
  note(text: string): void {
    if (this.mode === "silent") return;
    this.erase();
    this.print(text);
    if (this.mode === "live" && this.parts.size > 0) this.redraw();
  }

  /** Gives the terminal back as it was. Safe to call twice. */
  close(): void {
    this.erase();
    this.parts.clear();
  }

  /** Bytes that are there, of all files. */
  get receivedBytes(): number {
    return [...this.parts.values()].reduce((sum, part) => sum + part.receivedBytes, 0);
  }

  /** Bytes of all files. */
  get sizeBytes(): number {
    return [...this.parts.values()].reduce((sum, part) => sum + part.sizeBytes, 0);
  }

  private redraw(): void {
    const width = Math.max(20, (this.stream.columns ?? 80) - 1);
    const lines = [`${this.paint(33, "●")} ${this.wholeLine()}`, ...this.partLines()].map((line) => clip(line, width));
    this.erase();
    this.stream.write(`\x1b[?25l${lines.join("\n")}\n`);
    this.drawnLines = lines.length;
    this.lastDrawMs = this.now();
  }

  private erase(): void {
    if (this.drawnLines > 0) this.stream.write(`\x1b[${this.drawnLines}A\r\x1b[J\x1b[?25h`);
    this.drawnLines = 0;
  }

  private wholeLine(): string {
    const { receivedBytes, sizeBytes } = this;
    const filled = sizeBytes > 0 ? Math.round((BAR_WIDTH * receivedBytes) / sizeBytes) : BAR_WIDTH;
    const bar = this.mode === "live" ? `${this.paint(33, "━".repeat(filled))}${this.paint(90, "━".repeat(BAR_WIDTH - filled))} ` : "";
    return `${this.paint(1, this.title)}  ${bar}${amounts(receivedBytes, sizeBytes, this.pace)}`;
  }

  private partLines(): string[] {
    const coming = [...this.parts.values()].filter(({ state, receivedBytes, sizeBytes }) => state === "coming" && receivedBytes < sizeBytes);
    return coming.slice(0, SHOWN_PARTS).map(({ name, receivedBytes, sizeBytes, pace }) => `  ${name}  ${amounts(receivedBytes, sizeBytes, pace)}`);
  }

  private print(text: string): void {
    this.stream.write(`${text}\n`);
  }

  private paint(code: number, text: string): string {
    return this.colored ? `\x1b[${code}m${text}\x1b[0m` : text;
  }
}

function amounts(receivedBytes: number, sizeBytes: number, pace: Pace): string {
  const rate = pace.bytesPerSecond;
  const timing = rate > 0 ? `  ${formatSize(Math.round(rate))}/s  ${formatDuration((sizeBytes - receivedBytes) / rate)} left` : "";
  return `${formatPercent(sizeBytes > 0 ? receivedBytes / sizeBytes : 1)} of ${formatSize(sizeBytes)}${timing}`;
}

const WINDOW_MS = 8000;
const SAMPLE_MS = 250;

/** A rate over the last seconds. */
class Pace {
  private samples: { atMs: number; bytes: number }[] = [];
  private last: { atMs: number; bytes: number } | undefined;

  note(atMs: number, bytes: number): void {
    this.last = { atMs, bytes };
    if (atMs - (this.samples.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY) < SAMPLE_MS) return;
    this.samples.push(this.last);
    while (this.samples.length > 2 && atMs - this.samples[0].atMs > WINDOW_MS) this.samples.shift();
  }

  forget(): void {
    this.samples = [];
  }

  /** 0 while there is nothing to tell it by. */
  get bytesPerSecond(): number {
    const [first] = this.samples;
    if (!first || !this.last || this.last.atMs <= first.atMs) return 0;
    return (1000 * (this.last.bytes - first.bytes)) / (this.last.atMs - first.atMs);
  }
}
