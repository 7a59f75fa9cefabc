// Claims about rounds in turn: a peer that does not answer drops out, marked, and the bench goes on and ends.
import { afterEach, describe, expect, it } from "vitest";
import { verdict } from "./claim.js";
import { Stepper } from "./stepper.js";
import { renderTable } from "./table.js";
import { takeTurns } from "./turns.js";

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

afterEach(() => Stepper.stopAll());

describe("rounds in turn", () => {
  it("gives both sides' rounds and the probes around them", async () => {
    let probes = 0;
    const { ours, peer, peerFailure } = await takeTurns(contestant("ours"), contestant("peer"), 3, () => probes++);
    expect(peerFailure).toBeUndefined();
    expect([ours.rounds.length, peer?.rounds.length]).toEqual([3, 3]);
    expect(ours.probes).toEqual([0.5, 2.5, 4.5]);
    expect(peer?.probes).toEqual([1.5, 3.5, 5.5]);
    expect(ours.memory.peakRssBytes).toBe(7);
  });

  it("goes on without a peer that falls silent", async () => {
    const { ours, peer, peerFailure } = await takeTurns(contestant("ours"), contestant("peer", 1), 3, () => 1);
    expect(ours.rounds.length).toBe(3);
    expect(peer).toBeUndefined();
    expect(peerFailure).toBe("peer: no answer within 1.5 s");
  });

  it("goes on without a peer that dies or never starts", async () => {
    const dying = await takeTurns(contestant("ours"), contestant("peer", 0, "death"), 2, () => 1);
    expect(dying.ours.rounds.length).toBe(2);
    expect(dying.peerFailure).toMatch(/^peer: /);
    const absent = await takeTurns(
      contestant("ours"),
      () => Stepper.start("peer", "no-such-program", [], 1),
      2,
      () => 1,
    );
    expect(absent.ours.rounds.length).toBe(2);
    expect(absent.peerFailure).toMatch(/^peer: /);
  });

  it("throws when ours fails", async () => {
    await expect(takeTurns(contestant("ours", 1), undefined, 3, () => 1)).rejects.toThrow("ours: no answer within 1.5 s");
  });

  it("marks the row whose peer failed", () => {
    const line = { claim: "inference", what: "decode", unit: "tokens/s", ours: 3, peerFailure: "llama.cpp: no answer within 180 s" };
    expect(verdict(line)).toBe("failed");
    expect(renderTable([line])).toContain("inference, decode: llama.cpp: no answer within 180 s");
  });
});
