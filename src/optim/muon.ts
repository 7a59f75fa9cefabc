// Muon (Jordan et al. 2024): momentum whose matrices are orthogonalised by a Newton-Schulz iteration; vectors,
// embeddings and heads go to AdamW. The update is scaled to AdamW's usual size (Liu et al. 2025, "Muon is scalable",
// §2.2), so one learning rate serves both.
import { assert } from "../errors.js";
import { alias, dispatch, keep, scope, tensor } from "../tensor/engine.js";
import { add, addScaled, addScaledOp, scaleBy, unary, zeros } from "../tensor/ops/elementwise.js";
import { matmul } from "../tensor/ops/linear.js";
import { applyUpdate } from "../tensor/ops/optimizer.js";
import { sumSquares } from "../tensor/ops/reduce.js";
import type { Parameter } from "../tensor/parameter.js";
import { numElements, type Tensor } from "../tensor/tensor.js";
import { AdamW, type AdamWOptions } from "./adamw.js";
import { clippedStep, type Optimizer, type StepResult } from "./optimizer.js";

/** Hyper-parameters; those of AdamW apply to what Muon does not take. */
export interface MuonOptions extends AdamWOptions {
  readonly momentum?: number;
  /**
   * Which parameters are orthogonalised; default: matrices (and stacks of them) but embeddings, the head and routers.
   */
  readonly isMatrix?: (p: Parameter) => boolean;
  /**
   * The matrices that a parameter is stacked of, in order, each orthogonalised by itself: [rows, columns]. Default: its
   * last two dimensions.
   */
  readonly matricesOf?: (p: Parameter) => readonly MatrixShape[];
}

/** Rows and columns. */
export type MatrixShape = readonly [rows: number, columns: number];

/** Coefficients of the quintic iteration, tuned for speed at small singular values (Jordan et al. 2024). */
const [A, B, C] = [3.4445, -4.775, 2.0315];
const ITERATIONS = 5;
/** Added to the norm that divides: a matrix without gradient (an expert without tokens) stays zero. */
const EPS = 1e-7;
/** Root mean square of AdamW's updates, which Muon's are scaled to. */
const UPDATE_RMS = 0.2;

const defaultIsMatrix = ({ name, shape }: Parameter): boolean =>
  shape.length > 1 && !name.includes("embed_tokens") && !name.includes("lm_head") && !name.endsWith("mlp.gate.weight");

function stackOf({ shape }: Parameter): MatrixShape[] {
  const [rows, columns] = shape.slice(-2);
  return Array.from({ length: numElements(shape.slice(0, -2)) }, () => [rows, columns] as const);
}

/** Muon for matrices, AdamW for the rest, under one global gradient clip. */
export class Muon implements Optimizer {
  stepCount = 0;
  private readonly momenta = new Map<Parameter, Tensor>();
  private readonly rest: AdamW;
  private readonly options: { momentum: number; weightDecay: number; maxNorm: number };
  private readonly matricesOf: NonNullable<MuonOptions["matricesOf"]>;

  constructor(
    private readonly parameters: readonly Parameter[],
    { momentum = 0.95, isMatrix = defaultIsMatrix, matricesOf = stackOf, ...adamw }: MuonOptions = {},
  ) {
    this.options = { momentum, weightDecay: adamw.weightDecay ?? 0.1, maxNorm: adamw.maxNorm ?? 1 };
    this.matricesOf = matricesOf;
    for (const p of parameters) if (isMatrix(p)) this.momenta.set(p, keep(zeros(p.shape, "f32", p.device)));
    this.rest = new AdamW(
      parameters.filter((p) => !this.momenta.has(p)),
      adamw,
    );
  }

  async step(lr: number): Promise<StepResult> {
    const result = await clippedStep(this.parameters, this.options.maxNorm, (withGrad, factor) => {
      for (const p of withGrad) {
        const momentum = this.momenta.get(p);
        if (momentum) scope(() => this.updateMatrices(p, momentum, factor, lr));
      }
      this.rest.apply(
        withGrad.filter((p) => !this.momenta.has(p)),
        factor,
        lr,
      );
    });
    if (Number.isFinite(result.gradNorm)) this.stepCount++;
    this.rest.stepCount = this.stepCount;
    return result;
  }

  state(): Map<string, Tensor> {
    const momenta = [...this.momenta].map(([p, m]) => [`${p.name}.momentum`, m] as const);
    return new Map([...momenta, ...this.rest.state()]);
  }

  dispose(): void {
    for (const m of this.momenta.values()) m.dispose();
    this.momenta.clear();
    this.rest.dispose();
  }

  /** Momentum over the whole parameter, then an orthogonalised update for each matrix that it is stacked of. */
  private updateMatrices(p: Parameter, momentum: Tensor, factor: Tensor, lr: number): void {
    const mu = this.options.momentum;
    const grad = scaleBy(p.grad as Tensor, factor);
    dispatch(addScaledOp, [momentum, grad], { alpha: mu, beta: 1, dtype: "f32" }, [momentum]);
    const nesterov = addScaled(grad, momentum, 1, mu);
    let at = 0;
    for (const [rows, columns] of this.matricesOf(p)) {
      const rate = lr * UPDATE_RMS * Math.sqrt(Math.max(rows, columns));
      scope(() => {
        const update = orthogonalise(alias(nesterov, [rows, columns], at));
        const copy = p.computeCopy && alias(p.computeCopy, [rows, columns], at);
        applyUpdate(alias(p, [rows, columns], at), update, copy, rate, (lr * this.options.weightDecay) / rate);
      });
      at += rows * columns;
    }
    assert(at === p.size, () => `Muon: the matrices of ${p.name} have ${at} numbers, it has ${p.size}`);
  }
}

/**
 * The nearest (semi-)orthogonal matrix to g, roughly: singular values end between about 0.7 and 1.2. Zero where g is.
 */
export function orthogonalise(g: Tensor): Tensor {
  const wide = g.shape[0] <= g.shape[1];
  const norm = unary("sqrt", sumSquares([g]));
  let x = scaleBy(g, unary("reciprocal", add(norm, tensor([EPS], norm.shape, "f32", g.device))));
  for (let i = 0; i < ITERATIONS; i++) {
    const gram = matmul(x, x, wide ? { transB: true } : { transA: true });
    const polynomial = addScaled(gram, matmul(gram, gram), B, C);
    x = addScaled(x, wide ? matmul(polynomial, x) : matmul(x, polynomial), A, 1);
  }
  return x;
}
