// The thread of the upper rungs. Answers one pair after the other; algebra-host.ts stops it when one takes too long.
import { type MessagePort, workerData } from "node:worker_threads";
import type { AlgebraCall, AlgebraReply, AlgebraWorkerData } from "./algebra-host.js";
import { decide } from "./decide.js";

const { port, numReplies } = workerData as AlgebraWorkerData;

function reply(message: AlgebraReply): void {
  (port as MessagePort).postMessage(message);
  Atomics.add(numReplies, 0, 1);
  Atomics.notify(numReplies, 0);
}

port.on("message", ({ number, gold, given, decimals }: AlgebraCall) => {
  try {
    reply({ number, outcome: decide(gold, given, { isSymbolic: true, decimals }) });
  } catch {
    reply({ number, outcome: "unparsed" });
  }
});
reply({ number: -1, outcome: "different" });
