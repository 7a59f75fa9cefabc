// Progress of files that come from elsewhere: for the whole and per file, with rate and time left. Redrawn in place on
// a terminal, rare lines elsewhere. Is told names and bytes; knows nothing of where they come from, and never writes to
// a file.

import { formatDuration, formatPercent, formatSize } from "../number-text.js";
import { type ProgressOptions, ProgressScreen } from "./progress-screen.js";

interface Part {
  readonly name: string;
  readonly sizeBytes: number;
  receivedBytes: number;
  readonly pace: Pace;
  state: "waiting" | "coming" | "whole";
}

const SHOWN_PARTS = 4;
const MARK = "✓";

/**
 * Live progress of a transfer. Call `begin`, then `received` and `whole`, `end` after the last, and `close` whatever
 * happens.
 */
export class TransferProgress {
  private readonly screen: ProgressScreen;
  private parts = new Map<string, Part>();
  private title = "";
  private pace = new Pace();
  private startedAtMs = 0;

  constructor(options: ProgressOptions = {}) {
    this.screen = new ProgressScreen(options);
  }

  /** Says which files come, and how much of each is there. */
  begin(
    title: string,
    files: readonly { readonly path: string; readonly sizeBytes: number; readonly receivedBytes: number }[],
  ): void {
    this.title = title;
    const { screen } = this;
    this.startedAtMs = screen.now();
    this.parts = new Map(
      files.map(({ path, sizeBytes, receivedBytes }) => [
        path,
        { name: path, sizeBytes, receivedBytes, pace: new Pace(), state: "waiting" },
      ]),
    );
    this.pace.note(screen.now(), this.receivedBytes);
    screen.restart();
    const there = this.receivedBytes > 0 ? `, ${formatSize(this.receivedBytes)} already downloaded` : "";
    if (screen.mode === "plain")
      screen.print(
        `${title}: ${files.length} ${files.length === 1 ? "file" : "files"}, ${formatSize(this.sizeBytes)}${there}`,
      );
  }

  /** Says how much of a file is there now. */
  received(path: string, receivedBytes: number): void {
    const part = this.parts.get(path);
    if (!part) return;
    const nowMs = this.screen.now();
    // What a server sends anew is no negative progress.
    if (receivedBytes < part.receivedBytes) for (const pace of [this.pace, part.pace]) pace.forget();
    part.state = "coming";
    part.receivedBytes = receivedBytes;
    part.pace.note(nowMs, receivedBytes);
    this.pace.note(nowMs, this.receivedBytes);
    if (this.screen.isDue()) this.redraw();
  }

  /** Says that a file is complete. */
  whole(path: string): void {
    const part = this.parts.get(path);
    if (!part) return;
    const hasCome = part.state === "coming";
    part.state = "whole";
    part.receivedBytes = part.sizeBytes;
    if (hasCome) this.note(`${this.screen.paint(32, MARK)} ${path}  ${formatSize(part.sizeBytes)}`);
  }

  /** Leaves one line of what it came to. */
  end(text: string): void {
    const { screen } = this;
    screen.erase();
    const seconds = (screen.now() - this.startedAtMs) / 1000;
    screen.print(`${screen.paint(32, MARK)} ${screen.paint(1, this.title)}  ${text} in ${formatDuration(seconds)}`);
  }

  /** Prints a line that stays, above what is being redrawn. */
  note(text: string): void {
    this.screen.erase();
    this.screen.print(text);
    if (this.screen.mode === "live" && this.parts.size > 0) this.redraw();
  }

  /** Gives the terminal back as it was. Safe to call twice. */
  close(): void {
    this.screen.erase();
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
    const { screen } = this;
    const mark = screen.mode === "live" ? `${screen.paint(33, "●")} ` : "";
    screen.draw([`${mark}${this.wholeLine()}`, ...this.partLines()]);
  }

  private wholeLine(): string {
    const { receivedBytes, sizeBytes } = this;
    const { screen } = this;
    const bar = screen.mode === "live" ? `${screen.bar(sizeBytes > 0 ? receivedBytes / sizeBytes : 1)} ` : "";
    return `${screen.paint(1, this.title)}  ${bar}${amounts(receivedBytes, sizeBytes, this.pace)}`;
  }

  private partLines(): string[] {
    const coming = [...this.parts.values()].filter(
      ({ state, receivedBytes, sizeBytes }) => state === "coming" && receivedBytes < sizeBytes,
    );
    return coming
      .slice(0, SHOWN_PARTS)
      .map(({ name, receivedBytes, sizeBytes, pace }) => `  ${name}  ${amounts(receivedBytes, sizeBytes, pace)}`);
  }
}

function amounts(receivedBytes: number, sizeBytes: number, pace: Pace): string {
  const rate = pace.bytesPerSecond;
  const timing =
    rate > 0 ? `  ${formatSize(Math.round(rate))}/s  ${formatDuration((sizeBytes - receivedBytes) / rate)} left` : "";
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
