// Progress of files on their way: in place on a terminal, few plain lines elsewhere.
import { describe, expect, test } from "vitest";
import type { ProgressOptions } from "./progress-screen.js";
import { replay } from "./terminal.fixture.js";
import { TransferProgress } from "./transfer-progress.js";

function setUp(options: ProgressOptions & { isTTY?: boolean; columns?: number }) {
  let clockMs = 0;
  const writes: string[] = [];
  const stream = { write: (text: string) => writes.push(text), isTTY: options.isTTY, columns: options.columns };
  const progress = new TransferProgress({ env: {}, ...options, stream, now: () => clockMs });
  return {
    progress,
    text: () => writes.join(""),
    screen: () => replay(writes.join("")),
    wait: (ms: number) => (clockMs += ms),
  };
}

const FILES = [
  { path: "small.json", sizeBytes: 1000, receivedBytes: 0 },
  { path: "a.safetensors", sizeBytes: 600e6, receivedBytes: 200e6 },
  { path: "b.safetensors", sizeBytes: 400e6, receivedBytes: 0 },
];

describe("on a terminal", () => {
  test("the whole and each file have rate and time left, of what comes now", () => {
    const { progress, screen, wait } = setUp({ isTTY: true, columns: 120 });
    progress.begin("org/name", FILES);
    for (let i = 0; i <= 10; i++) {
      progress.received("a.safetensors", 200e6 + i * 20e6);
      progress.received("b.safetensors", i * 10e6);
      wait(1000);
    }
    progress.received("b.safetensors", 100e6);
    expect(screen()[0]).toMatch(/^● org\/name {2}━{24} 50\.0% of 1\.00 GB {2}2\d\.\d MB\/s {2}(17|18|19|20) s left$/);
    expect(screen()[1]).toMatch(/^ {2}a\.safetensors {2}66\.7% of 600 MB {2}20\.0 MB\/s {2}10 s left$/);
    expect(screen()[2]).toMatch(/^ {2}b\.safetensors {2}25\.0% of 400 MB {2}\S+ MB\/s {2}\d+ s left$/);
  });
  test("a whole file leaves one line, the end one more, and the rest is gone", () => {
    const { progress, text, screen, wait } = setUp({ isTTY: true, columns: 120 });
    progress.begin("org/name", FILES);
    wait(500);
    progress.received("small.json", 1000);
    progress.whole("small.json");
    expect(screen()[0]).toBe("✓ small.json  1,000 B");
    wait(1500);
    progress.end("3 files");
    expect(screen()).toEqual(["✓ small.json  1,000 B", "✓ org/name  3 files in 2 s"]);
    expect(text().lastIndexOf("\x1b[?25h")).toBeGreaterThan(text().lastIndexOf("\x1b[?25l"));
  });
  test("no line is wider than the terminal, and close leaves nothing behind", () => {
    const { progress, screen, wait } = setUp({ isTTY: true, columns: 40 });
    progress.begin("organisation/a-model-with-a-long-name", FILES);
    for (let i = 1; i < 5; i++) {
      wait(500);
      progress.received("a.safetensors", 200e6 + i * 20e6);
    }
    expect(screen().length).toBeGreaterThan(1);
    for (const line of screen()) expect([...line].length).toBeLessThan(40);
    progress.close();
    progress.close();
    expect(screen()).toEqual([]);
  });
  test("what a server sends anew is no rate below nothing", () => {
    const { progress, screen, wait } = setUp({ isTTY: true, columns: 120 });
    progress.begin("org/name", FILES);
    for (const bytes of [300e6, 400e6, 1e6, 2e6, 3e6]) {
      wait(1000);
      progress.received("a.safetensors", bytes);
    }
    expect(screen()[1]).toMatch(/a\.safetensors {2}0\.5% of 600 MB {2}1\.00 MB\/s/);
  });
});

test("elsewhere there is a line at the start, one every ten seconds and one per file", () => {
  const { progress, text, wait } = setUp({});
  progress.begin("org/name", FILES);
  for (let i = 1; i <= 20; i++) {
    wait(1000);
    progress.received("a.safetensors", 200e6 + i * 20e6);
  }
  progress.whole("a.safetensors");
  const lines = text().trimEnd().split("\n");
  expect(lines[0]).toBe("org/name: 3 files, 1.00 GB, 200 MB already downloaded");
  expect(lines.filter((line) => line.startsWith("org/name  "))).toHaveLength(2);
  expect(lines[1]).toMatch(/^org\/name {2}40\.0% of 1\.00 GB {2}20\.\d MB\/s {2}30 s left$/);
  expect(lines.at(-1)).toBe("✓ a.safetensors  600 MB");
  expect(text()).not.toContain("\x1b");
});
