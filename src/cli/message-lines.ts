// Typed or pasted lines put together to messages. Knows no terminal.

const FENCE = '"""';
const CONTINUED = /\\$/;

/**
 * Lines in, messages out: a line that ends in a backslash goes on, and so does all between two fences of `"""` or
 * within a paste.
 */
export class MessageLines {
  private lines: string[] = [];
  private isFenced = false;

  /** Whether a message has been begun. */
  get isOpen(): boolean {
    return this.isFenced || this.lines.length > 0;
  }

  /** Takes a line; the message when it is complete. `goesOn`: the line is part of a paste. */
  push(line: string, goesOn = false): string | undefined {
    if (this.isFenced ? line.trimEnd().endsWith(FENCE) : line.trimStart().startsWith(FENCE))
      return this.fence(line, goesOn);
    const continues = !this.isFenced && CONTINUED.test(line);
    this.lines.push(continues ? line.replace(CONTINUED, "") : line);
    return continues || this.isFenced || goesOn ? undefined : this.take();
  }

  /** Drops what was begun. */
  clear(): void {
    this.lines = [];
    this.isFenced = false;
  }

  private fence(line: string, goesOn: boolean): string | undefined {
    if (!this.isFenced) {
      const rest = line.trimStart().slice(FENCE.length);
      const closes = rest.trimEnd().endsWith(FENCE);
      this.isFenced = !closes;
      if (rest !== "") this.lines.push(closes ? rest.trimEnd().slice(0, -FENCE.length) : rest);
      return closes && !goesOn ? this.take() : undefined;
    }
    this.isFenced = false;
    const rest = line.trimEnd().slice(0, -FENCE.length);
    if (rest !== "") this.lines.push(rest);
    return goesOn ? undefined : this.take();
  }

  private take(): string {
    const message = this.lines.join("\n");
    this.clear();
    return message;
  }
}
