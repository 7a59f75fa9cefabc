// Claims about rounds in turn: a peer that does not answer drops out, marked, and the bench goes on with the others and
// ends.
import { afterEach, describe, expect, it } from "vitest";
import { verdict } from "./claim.js";
import { endProcesses } from "./processes.js";
import { Stepper } from "./stepper.js";
import { renderTable } from "./table.js";
import { type PeerSide, type Side, takeTurns } from "./turns.js";

/** A contestant that answers `rounds` steps and then falls silent or dies. */
function contestant(label: string, rounds = Number.POSITIVE_INFINITY, then: "silence" | "death" = "silence") {
  const program = `
    const say = (line) => console.log(JSON.stringify(line));
    say({ facts: { weightBytes: 1 } });
    let left = ${rounds === Number.POSITIVE_INFINITY ? "Infinity" : rounds + 1};
    const lines = require("node:readline").createInterface(process.stdin);
    lines.on("line", () => {
      if (left-- > 0) say({ seconds: 1, cpuSeconds: 1, tokens: 3 });
      else if (${JSON.stringify(then)} === "death") throw new Error("out of luck");
    });
    lines.on("close", () => { say({ peakRssBytes: 7, importedRssBytes: 5 }); process.exit(0); });`;
  return () => Stepper.start(label, process.execPath, ["-e", program], 1, { firstMs: 30_000, stepMs: 1500 });
}

const named = (label: string, ...rest: [rounds?: number, then?: "silence" | "death"]) => ({
  label,
  start: contestant(label, ...rest),
});

function sideOf(peer: PeerSide): Side {
  if ("failure" in peer) throw new Error(peer.failure);
  return peer.side;
}

afterEach(() => endProcesses());

describe("rounds in turn", () => {
  it("gives every side's rounds and the probes around them", async () => {
    let probes = 0;
    const { ours, peers } = await takeTurns(contestant("ours"), [named("one"), named("other")], 2, () => probes++);
    expect(peers.map(({ label }) => label)).toEqual(["one", "other"]);
    const [one, other] = peers.map(sideOf);
    expect([ours, one, other].map(({ rounds }) => rounds.length)).toEqual([2, 2, 2]);
    expect(ours.probes).toEqual([0.5, 3.5]);
    expect(one.probes).toEqual([1.5, 4.5]);
    expect(other.probes).toEqual([2.5, 5.5]);
    expect(ours.memory.peakRssBytes).toBe(7);
  });

  it("goes on without a peer that falls silent, and with the others", async () => {
    const { ours, peers } = await takeTurns(contestant("ours"), [named("peer", 1), named("other")], 3, () => 1);
    expect(ours.rounds.length).toBe(3);
    expect(peers[0]).toEqual({ label: "peer", failure: "peer: no answer within 1.5 s" });
    expect(sideOf(peers[1]).rounds.length).toBe(3);
  });

  it("goes on without a peer that dies or never starts", async () => {
    const absent = { label: "absent", start: () => Stepper.start("absent", "no-such-program", [], 1) };
    const { ours, peers } = await takeTurns(contestant("ours"), [named("dying", 0, "death"), absent], 2, () => 1);
    expect(ours.rounds.length).toBe(2);
    expect(peers).toEqual([
      { label: "dying", failure: expect.stringMatching(/^dying: /) },
      { label: "absent", failure: expect.stringMatching(/^absent: /) },
    ]);
  });

  it("throws when ours fails", async () => {
    await expect(takeTurns(contestant("ours", 1), [], 3, () => 1)).rejects.toThrow("ours: no answer within 1.5 s");
  });

  it("marks the row whose peer failed", () => {
    const line = {
      claim: "inference",
      what: "decode",
      unit: "tokens/s",
      ours: 3,
      peerFailure: "llama.cpp: no answer within 180 s",
    };
    expect(verdict(line)).toBe("failed");
    expect(renderTable([line])).toContain("inference, decode: llama.cpp: no answer within 180 s");
  });
});
