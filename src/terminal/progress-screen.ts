// The part of the terminal that progress writes to: a block of lines redrawn in place where that is possible, rare
// lines elsewhere. Knows nothing of what the lines tell.
import { withColorsOnly } from "../plain-text.js";
import { showsColors } from "./colors.js";

/** Where lines go: `process.stdout`, `process.stderr` or a test's own. */
export interface ProgressStream {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

/** `live` redraws in place, `plain` prints a line now and then, `silent` prints nothing. */
export type ProgressMode = "live" | "plain" | "silent";

/**
 * Options of what shows progress. `json` keeps stdout free for the final JSON by writing to stderr. The rest is for
 * tests.
 */
export interface ProgressOptions {
  json?: boolean;
  mode?: ProgressMode;
  stream?: ProgressStream;
  env?: Readonly<Record<string, string | undefined>>;
  now?: () => number;
}

const REDRAW_INTERVAL_MS = 100;
const PLAIN_INTERVAL_MS = 10_000;
const BAR_WIDTH = 24;

/** Lines on a stream. What it draws stays until it is drawn anew or erased. */
export class ProgressScreen {
  readonly mode: ProgressMode;
  private readonly stream: ProgressStream;
  private readonly clock: () => number;
  private readonly colored: boolean;
  private drawnLines = 0;
  private lastDrawMs = Number.NEGATIVE_INFINITY;

  constructor(options: ProgressOptions = {}) {
    const env = options.env ?? process.env;
    this.stream = options.stream ?? (options.json ? process.stderr : process.stdout);
    this.mode = options.mode ?? chooseMode(this.stream, env);
    this.colored = this.mode === "live" && showsColors(this.stream, env);
    this.clock = options.now ?? (() => performance.now());
  }

  /** Milliseconds of its clock. */
  now(): number {
    return this.clock();
  }

  /** Characters that a line may take. */
  get width(): number {
    return Math.max(20, (this.stream.columns ?? 80) - 1);
  }

  /** Whether enough time has passed to draw again, or, on a plain stream, to print a line again. */
  isDue(): boolean {
    return (
      this.mode !== "silent" &&
      this.now() - this.lastDrawMs >= (this.mode === "live" ? REDRAW_INTERVAL_MS : PLAIN_INTERVAL_MS)
    );
  }

  /** Begins anew: a live block is due at once, a plain line only after its interval. */
  restart(): void {
    this.lastDrawMs = this.mode === "plain" ? this.now() : Number.NEGATIVE_INFINITY;
  }

  /** Draws lines in place of those drawn before; on a plain stream prints them. */
  draw(lines: readonly string[]): void {
    this.lastDrawMs = this.now();
    if (this.mode === "plain") for (const line of lines) this.print(line);
    if (this.mode !== "live") return;
    const clipped = lines.map((line) => clip(withColorsOnly(line), this.width));
    this.erase();
    this.stream.write(`\x1b[?25l${clipped.join("\n")}\n`);
    this.drawnLines = clipped.length;
  }

  /** Takes away what is drawn and gives the cursor back. */
  erase(): void {
    if (this.drawnLines > 0) this.stream.write(`\x1b[${this.drawnLines}A\r\x1b[J\x1b[?25h`);
    this.drawnLines = 0;
  }

  /** Writes a line that stays. */
  print(text: string): void {
    if (this.mode !== "silent") this.stream.write(`${withColorsOnly(text)}\n`);
  }

  /** Text in a colour or weight, where the stream shows them. */
  paint(code: number, text: string): string {
    return this.colored ? `\x1b[${code}m${text}\x1b[0m` : text;
  }

  /** A bar, of which a share from 0 to 1 is full. */
  bar(share: number): string {
    const filled = Math.round(BAR_WIDTH * Math.min(1, share));
    return `${this.paint(33, "━".repeat(filled))}${this.paint(90, "━".repeat(BAR_WIDTH - filled))}`;
  }
}

/** `live` on a terminal that can redraw, `plain` elsewhere and in CI. */
function chooseMode(stream: ProgressStream, env: Readonly<Record<string, string | undefined>>): ProgressMode {
  return stream.isTTY && !env.CI && env.TERM !== "dumb" ? "live" : "plain";
}

const ESCAPE = "\x1b";
/** A colour code, which takes no room, or one character. */
const PIECES = new RegExp(`(${ESCAPE}\\[[0-9;]*m)|[^${ESCAPE}]`, "gu");

/** Cuts a line to `width` visible characters: a wrapped line would make the next redraw erase too little. */
function clip(line: string, width: number): string {
  let visible = 0;
  let cut = "";
  for (const [piece, color] of line.matchAll(PIECES)) {
    if (color) cut += piece;
    else if (visible++ < width) cut += piece;
  }
  return cut;
}
