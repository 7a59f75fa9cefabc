// A model for tests of the server that answers each prompt with a text of the test's choosing, through the real engine:
// it reads what the sequence holds through its block table and goes on with the script. Knows no HTTP.

import { createReferenceBackend } from "../../src/backends/reference.js";
import {
  answerGrammars,
  Engine,
  type GenerationRequest,
  type ModelRunner,
  type OpenedEngine,
  type StepPlan,
} from "../../src/inference/index.js";
import { ServedEngine } from "../../src/server/models/served-engine.js";
import { engineParts, ServedModel } from "../../src/server/models/served-model.js";
import { Device, setDefaultDevice } from "../../src/tensor/device.js";
import { tensor } from "../../src/tensor/engine.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { createByteTokenizer, createTokenizer, type Tokenizer } from "../../src/tokenizer/index.js";

/** What the model is like. */
export interface Script {
  /** Jinja. */
  readonly template: string;
  /** Tokens of the vocabulary that belong to texts, such as `<think>`. */
  readonly tags?: readonly string[];
  /** What it says to a prompt. */
  says(prompt: string): string;
  readonly maxPositions?: number;
  readonly numBlocks?: number;
  readonly maxSequences?: number;
  /** Told before every step; may throw. */
  onStep?(): void | Promise<void>;
}

const BEGIN = "<|begin|>";
const END = "<|end|>";

/** The tokenizer of a script: bytes, a begin and an end token, and the tags. */
export const scriptTokenizer = ({ template, tags = [] }: Pick<Script, "template" | "tags">): Tokenizer =>
  createTokenizer(createByteTokenizer({ bos: BEGIN, eos: END, tags }).toJSON(), {
    bos_token: BEGIN,
    eos_token: END,
    chat_template: template,
  });

/** An engine in this thread with a model that follows a script, under one name or several. */
export function scriptedEngine(names: string | readonly string[], script: Script): ServedEngine {
  setDefaultDevice(new Device(createReferenceBackend()));
  const tokenizer = scriptTokenizer(script);
  const runner = new ScriptedRunner(tokenizer, script);
  const { maxSequences } = script;
  const engine = new Engine({ runner, tokenizer, followSchemas: answerGrammars, maxSequences, speculation: "none" });
  const opened = {
    engine: {
      limits: engine.limits,
      stats: () => engine.stats(),
      close: () => engine.close(),
      submit(request: GenerationRequest) {
        const prompt = Int32Array.from(request.prompt);
        runner.prompts.set(prompt.join(), prompt);
        return engine.submit(request);
      },
    },
    tokenizer,
    template: null,
    generation: {},
    stopIds: [tokenizer.eosId as number],
    plan: { total: 1 },
    dispose: () => engine.close(),
  } as unknown as OpenedEngine;
  const models = [names].flat().map((name) => new ServedModel(name, engineParts(tokenizer, opened)));
  return new ServedEngine(models, { engines: [opened.engine], plannedBytes: 1, dispose: opened.dispose });
}

class ScriptedRunner implements ModelRunner {
  readonly vocabSize: number;
  readonly maxPositions: number;
  readonly blockSize = 16;
  readonly numBlocks: number;
  /** Prompts that were asked, by their ids joined. */
  readonly prompts = new Map<string, Int32Array>();
  private readonly entries: Int32Array;
  private readonly scripts = new Map<Int32Array, Int32Array>();

  constructor(
    private readonly tokenizer: Tokenizer,
    private readonly script: Script,
  ) {
    this.vocabSize = tokenizer.vocabSize;
    this.maxPositions = script.maxPositions ?? 4096;
    this.numBlocks = script.numBlocks ?? 2048;
    this.entries = new Int32Array(this.numBlocks * this.blockSize);
  }

  step(plan: StepPlan): Tensor {
    this.script.onStep?.();
    for (let i = 0; i < plan.ids.length; i++)
      this.entries[plan.blockIds[i] * this.blockSize + plan.blockOffsets[i]] = plan.ids[i];
    const logits = new Float32Array(plan.logitRows.length * this.vocabSize);
    plan.logitRows.forEach((row, r) => {
      logits[r * this.vocabSize + this.nextToken(this.contextOf(plan, row))] = 100;
    });
    return tensor(logits, [plan.logitRows.length, this.vocabSize]);
  }

  private contextOf(plan: StepPlan, row: number): number[] {
    const sequence = plan.cuQueries.findIndex((first) => first > row) - 1;
    const table = plan.blockTables.subarray(sequence * plan.maxBlocks);
    return Array.from({ length: plan.positions[row] + 1 }, (_, at) => {
      const block = table[Math.floor(at / this.blockSize)];
      return this.entries[block * this.blockSize + (at % this.blockSize)];
    });
  }

  /** What the script says behind a context; a thought that was cut short goes on behind its end. */
  private nextToken(context: readonly number[]): number {
    const begins = (prompt: Int32Array) => prompt.every((id, at) => context[at] === id);
    const prompt = [...this.prompts.values()].filter(begins).sort((a, b) => b.length - a.length)[0];
    const script = this.scriptOf(prompt);
    const said = context.slice(prompt.length);
    const close = this.tokenizer.tokenId("</think>") ?? -1;
    const [closedAt, closesAt] = [said.indexOf(close), script.indexOf(close)];
    const at = closedAt >= 0 && closesAt >= 0 ? closesAt + said.length - closedAt : said.length;
    return script[at] ?? (this.tokenizer.eosId as number);
  }

  private scriptOf(prompt: Int32Array): Int32Array {
    const known = this.scripts.get(prompt);
    if (known) return known;
    const made = this.tokenizer.encode(`${this.script.says(this.tokenizer.decode(prompt))}${END}`);
    this.scripts.set(prompt, made);
    return made;
  }
}
