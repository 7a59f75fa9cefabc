// The thread of the upper rungs. Answers one pair after the other; algebra-host.ts stops it when one takes too long.
import { answerCalls } from "../../asked-thread.js";
import type { AlgebraCall, AlgebraReply } from "./algebra-host.js";
import { decide } from "./decide.js";

answerCalls(({ gold, given, decimals }: AlgebraCall): AlgebraReply => {
  try {
    return decide(gold, given, { isSymbolic: true, decimals });
  } catch {
    return "unparsed";
  }
});
