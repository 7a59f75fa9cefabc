// The engines that ours is held against in running models, each where it is installed: how it is found and started.
// Knows no rounds.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Isa } from "../src/backends/native/cpu.js";
import { packageRoot } from "../src/package-root.js";
import { llamaEntry } from "./llama-build.js";

/**
 * A peer by its name, and the program that takes FILE, kind, variant and threads on the line protocol of stepper.ts.
 */
export interface InferencePeer {
  readonly label: "llama.cpp" | "ik_llama.cpp";
  readonly command: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

interface KnownPeer extends InferencePeer {
  /** Exists where the peer is installed. */
  readonly evidence: string;
  readonly toInstall: string;
}

function knownPeers(): KnownPeer[] {
  const folder = join(packageRoot(), "bench", "peers");
  const llama = join(folder, "llama-cpp");
  const ikLlama = join(process.env.LUCIOLE_IK_LLAMA ?? join(folder, "ik-llama-cpp", "build"), "serve");
  return [
    {
      label: "llama.cpp",
      command: process.execPath,
      args: [join(llama, "serve.mjs")],
      evidence: join(llama, "node_modules"),
      toInstall: "cd bench/peers/llama-cpp && npm ci",
    },
    {
      label: "ik_llama.cpp",
      command: ikLlama,
      args: [],
      evidence: ikLlama,
      toInstall: "see bench/peers/ik-llama-cpp/README.md",
    },
  ];
}

/**
 * The peers that are installed; of each other one a line says how to install it. With `isa` those that can be held to
 * that instruction set.
 */
export function installedPeers(log: (line: string) => void, isa?: Isa): InferencePeer[] {
  const installed = knownPeers().filter(({ label, evidence, toInstall }) => {
    if (!existsSync(evidence)) log(`${label} is not installed (no ${evidence}); to install: ${toInstall}`);
    return existsSync(evidence);
  });
  return isa === undefined ? installed : installed.flatMap((peer) => heldTo(isa, peer, log));
}

/** ik_llama.cpp is built for the CPU that it is built on. */
function heldTo(isa: Isa, peer: KnownPeer, log: (line: string) => void): InferencePeer[] {
  if (peer.label === "llama.cpp")
    return [{ ...peer, environment: { LLAMA_ENTRY: llamaEntry(dirname(peer.evidence), isa) } }];
  log(`${peer.label} cannot be held to ${isa} and is left out`);
  return [];
}
