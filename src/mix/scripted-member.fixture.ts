// Members for tests that say what they are told to, draw by draw, through the runtime's own reader of replies. Tokens
// are bytes; nothing is computed.
import { ActiveRequest } from "../inference/runtime/active-request.js";
import type { EngineHandle, RunningRequest } from "../inference/runtime/engine-handle.js";
import type { GenerationRequest } from "../inference/runtime/request.js";
import { createByteTokenizer } from "../tokenizer/byte-tokenizer.js";
import { createTokenizer } from "../tokenizer/create-tokenizer.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import { Member } from "./member.js";

const TEMPLATE =
  "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";

/** How a scripted member speaks. */
export interface ScriptedMember {
  readonly name: string;
  /** What it says to a prompt at its n-th request. */
  readonly says: (prompt: string, n: number) => string;
  readonly logProb?: number;
  readonly activeParameters?: number;
  readonly maxContext?: number;
  /** The hidden state of a prompt. */
  readonly state?: (prompt: string) => number[];
  /** Whether its replies never end by themselves. */
  readonly hangs?: boolean;
  readonly tokenizer?: Tokenizer;
}

/** A member that was made, and what it was asked. */
export interface MadeMember {
  readonly member: Member;
  readonly prompts: string[];
  readonly seeds: (number | undefined)[];
  readonly cancelled: number[];
}

/** A tokenizer of bytes with a chat template. */
export const byteChat = (): Tokenizer => createTokenizer(createByteTokenizer({}).toJSON(), { chat_template: TEMPLATE });

/** Makes a member. */
export function scriptedMember(script: ScriptedMember): MadeMember {
  const { name, says, logProb = -0.5, activeParameters = 100, maxContext = 4096, tokenizer = byteChat() } = script;
  const [prompts, seeds, cancelled]: [string[], (number | undefined)[], number[]] = [[], [], []];
  const engine: EngineHandle = {
    limits: { vocabSize: tokenizer.vocabSize, maxContext, readsText: true, followsSchemas: false, adapters: [] },
    submit(request: GenerationRequest): RunningRequest {
      const n = prompts.length;
      const prompt = tokenizer.decode(Int32Array.from(request.prompt));
      prompts.push(prompt);
      seeds.push(request.sampling?.seed);
      const active = new ActiveRequest(request, request.maxNewTokens ?? 1000, tokenizer, { onLeave() {} });
      const end = (reason: "stop" | "cancelled") => {
        if (!active.isFinished) active.finish(reason);
      };
      void Promise.resolve().then(() => {
        if (active.isFinished) return;
        for (const id of tokenizer.encode(says(prompt, n))) if (!active.isFinished) active.take(id, logProb);
        if (!script.hangs) end("stop");
      });
      const cancel = () => {
        cancelled.push(n);
        end("cancelled");
      };
      return { result: active.result, cancel, [Symbol.asyncIterator]: () => active.events[Symbol.asyncIterator]() };
    },
    promptState: async (ids) => Float32Array.from(script.state?.(tokenizer.decode(Int32Array.from(ids))) ?? [0]),
    stats: () => {
      throw new Error("not asked in tests");
    },
    close: async () => {},
  };
  const parts = { name, engine, tokenizer, template: null, generation: {}, stopIds: [], activeParameters };
  return { member: new Member(parts), prompts, seeds, cancelled };
}

/** What a member says: answers in boxes, one after the other, the last one for ever. */
export const boxed =
  (...answers: readonly string[]) =>
  (_: string, n: number): string =>
    `So it is \\boxed{${answers[Math.min(n, answers.length - 1)]}}.`;
