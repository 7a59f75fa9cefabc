// A model without weights for tests of the runtime: logits are a hash of everything the sequence sees, read through its
// block table, so that a wrong table, a wrong position, a stale or overwritten entry, or a token computed by the wrong
// path changes what is sampled.

import type { StepRows } from "../../nn/batch.js";
import { tensor } from "../../tensor/engine.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { DraftPlan, ModelRunner, StepPlan } from "./model-runner.js";

/** What the fake is like. */
export interface FakeOptions {
  readonly vocabSize?: number;
  readonly maxPositions?: number;
  readonly blockSize?: number;
  readonly numBlocks?: number;
  readonly pathsAgree?: boolean;
  /** How many of the last tokens the logits depend on; default: all. Few make cycles, which lookup drafts foresee. */
  readonly memory?: number;
  readonly adapters?: readonly string[];
  /** Share of drafts of a multi-token-prediction layer that are right; without it there is no such layer. */
  readonly mtpAccuracy?: number;
}

/** A fake; `plans` and `numTokens` tell what was run. */
export class FakeRunner implements ModelRunner {
  readonly vocabSize: number;
  readonly maxPositions: number;
  readonly blockSize: number;
  readonly numBlocks: number;
  readonly pathsAgree: boolean;
  readonly adapters?: readonly string[];
  readonly mtp?: { draft(plan: DraftPlan): Tensor };
  numSteps = 0;
  numTokens = 0;
  /** Called with every plan before it is run. */
  onStep?: (plan: StepPlan) => void;
  private readonly memory: number;
  private readonly entries: Int32Array;
  private lastPlan?: { ids: Int32Array; positions: Int32Array };

  constructor(options: FakeOptions = {}) {
    const {
      vocabSize = 37,
      maxPositions = 4096,
      blockSize = 4,
      numBlocks = 64,
      pathsAgree = false,
      memory = Number.POSITIVE_INFINITY,
      mtpAccuracy,
      adapters,
    } = options;
    this.vocabSize = vocabSize;
    this.maxPositions = maxPositions;
    this.blockSize = blockSize;
    this.numBlocks = numBlocks;
    this.pathsAgree = pathsAgree;
    this.memory = memory;
    this.adapters = adapters;
    this.entries = new Int32Array(numBlocks * blockSize).fill(-1);
    if (mtpAccuracy !== undefined) this.mtp = { draft: (plan) => this.draft(plan, mtpAccuracy) };
  }

  step(plan: StepPlan): Tensor {
    this.onStep?.(plan);
    this.numSteps++;
    this.numTokens += plan.ids.length;
    this.lastPlan = { ids: plan.ids.slice(), positions: plan.positions.slice() };
    this.write(plan);
    const logits = new Float32Array(plan.logitRows.length * this.vocabSize);
    plan.logitRows.forEach((row, r) => {
      this.fillLogits(this.contextHash(plan, row), logits.subarray(r * this.vocabSize, (r + 1) * this.vocabSize));
    });
    return tensor(logits, [plan.logitRows.length, this.vocabSize]);
  }

  private write(plan: StepPlan): void {
    for (let s = 0; s + 1 < plan.cuQueries.length; s++)
      for (let row = plan.cuQueries[s]; row < plan.cuQueries[s + 1]; row++) {
        const path = this.pathsAgree || s < plan.numPrefill ? 1 : 2;
        this.entries[plan.blockIds[row] * this.blockSize + plan.blockOffsets[row]] = mix(
          mix(plan.ids[row], plan.positions[row]),
          path + 2 * ((plan.adapters?.[s] ?? -1) + 1),
        );
      }
  }

  /** A hash of all that row sees, and of where it stands. */
  private contextHash(plan: StepRows, row: number): number {
    const s = plan.cuQueries.findIndex((begin, i) => begin <= row && row < plan.cuQueries[i + 1]);
    const position = plan.contextLengths[s] - (plan.cuQueries[s + 1] - row);
    let hash = 0;
    for (let at = Math.max(0, position + 1 - this.memory); at <= position; at++) {
      const block = plan.blockTables[s * plan.maxBlocks + Math.floor(at / this.blockSize)];
      hash = mix(
        hash,
        this.memory === Number.POSITIVE_INFINITY
          ? this.entries[block * this.blockSize + (at % this.blockSize)]
          : this.idAt(block, at),
      );
    }
    return hash;
  }

  /** The token of an entry, found by its hash; a forgetful fake must not see positions. */
  private idAt(block: number, at: number): number {
    const entry = this.entries[block * this.blockSize + (at % this.blockSize)];
    for (let id = 0; id < this.vocabSize; id++)
      for (let path = 1; path <= 2 + 2 * (this.adapters?.length ?? 0); path++)
        if (mix(mix(id, at), path) === entry) return id;
    return -1;
  }

  private fillLogits(hash: number, logits: Float32Array): void {
    for (let v = 0; v < logits.length; v++) logits[v] = ((mix(hash, v) >>> 8) / 2 ** 24) * 6;
  }

  /** Drafts by running the fake itself one token on, and is wrong on purpose now and then. */
  private draft(plan: DraftPlan, accuracy: number): Tensor {
    const logits = new Float32Array(this.vocabSize);
    const ids = Array.from(plan.draftRows, (row) => {
      this.checkHidden(plan, row);
      const hash = mix(
        this.contextHash(plan, row),
        mix(mix(plan.ids[row], plan.positions[row] + 1), this.pathsAgree ? 1 : 2),
      );
      this.fillLogits(hash, logits);
      const right = logits.indexOf(Math.max(...logits));
      return (mix(hash, 99) >>> 0) / 2 ** 32 < accuracy ? right : (right + 1) % this.vocabSize;
    });
    return tensor(ids, [ids.length], "i32");
  }

  private checkHidden(plan: DraftPlan, row: number): void {
    const from = plan.hiddenRows[row];
    if (this.lastPlan?.positions[from] !== plan.positions[row])
      throw new Error(`draft row ${row} takes the hidden state of another position`);
  }
}

/** A hash of two numbers. */
function mix(a: number, b: number): number {
  let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x165667b1, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return h ^ (h >>> 15);
}

/** A model that says a fixed text: behind position p it finds `script[p + 1]` likeliest, whatever stands before. */
export class ScriptRunner implements ModelRunner {
  readonly maxPositions = 1000;
  readonly blockSize = 4;
  readonly numBlocks = 400;

  constructor(
    readonly vocabSize: number,
    private readonly script: ArrayLike<number>,
  ) {}

  step(plan: StepPlan): Tensor {
    const logits = new Float32Array(plan.logitRows.length * this.vocabSize);
    plan.logitRows.forEach((row, r) => {
      logits[r * this.vocabSize + (this.script[plan.positions[row] + 1] ?? 0)] = 100;
    });
    return tensor(logits, [plan.logitRows.length, this.vocabSize]);
  }
}
