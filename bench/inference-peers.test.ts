// Claims about finding the peers of inference: what is installed takes part, and what is not is named with the way to
// install it.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { installedPeers } from "./inference-peers.js";

const folder = mkdtempSync(join(tmpdir(), "luciole-peers-"));

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

it("finds ik_llama.cpp where LUCIOLE_IK_LLAMA says, and names it where it is missing", () => {
  vi.stubEnv("LUCIOLE_IK_LLAMA", folder);
  const log: string[] = [];
  const found = () => installedPeers((line) => log.push(line)).find(({ label }) => label === "ik_llama.cpp");
  expect(found()).toBeUndefined();
  expect(log.filter((line) => line.startsWith("ik_llama.cpp"))).toEqual([
    `ik_llama.cpp is not installed (no ${join(folder, "serve")}); to install: see bench/peers/ik-llama-cpp/README.md`,
  ]);
  writeFileSync(join(folder, "serve"), "");
  expect(found()).toMatchObject({ command: join(folder, "serve"), args: [] });
});
