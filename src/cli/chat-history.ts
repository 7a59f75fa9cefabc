// What was typed in earlier chats, for the arrow keys: one file under the user's state folder. A file that cannot be
// read or written is done without.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** Lines kept. */
export const MAX_HISTORY = 500;

/** Where the lines are kept (XDG base directories). */
export const historyFile = (env: Readonly<Record<string, string | undefined>> = process.env): string =>
  join(env.XDG_STATE_HOME || join(homedir(), ".local", "state"), "luciole", "chat-history");

/** The lines, newest first as `readline` wants them. */
export function readHistory(file = historyFile()): string[] {
  try {
    const lines = readFileSync(file, "utf8").split("\n");
    return lines
      .filter((line) => line !== "")
      .slice(-MAX_HISTORY)
      .reverse();
  } catch {
    return [];
  }
}

/** Writes the lines, given newest first; readable by their owner alone. */
export function writeHistory(lines: readonly string[], file = historyFile()): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${[...lines].slice(0, MAX_HISTORY).reverse().join("\n")}\n`, { mode: 0o600 });
  } catch {
    // A read-only home is no reason to lose the chat.
  }
}
