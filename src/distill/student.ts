// The model that learns: one that is there, or a new one of a named shape with the teacher's tokenizer. Knows no
// method.

import { defaultPromptStyle, type PromptStyle } from "../eval/problem-prompt.js";
import { type ModelFacts, openModel } from "../inference/opening/open-model.js";
import { createModel } from "../models/create.js";
import type { LanguageModel } from "../models/language-model.js";
import type { AdapterSpec } from "../nn/lora.js";
import type { ComputeType } from "../tensor/dtype.js";
import { freshConfig } from "../train/fresh-config.js";

/** What is known of a student before it is opened. */
export interface Student extends Pick<ModelFacts, "config" | "tokenizer" | "stopIds" | "generation"> {
  readonly compute: ComputeType;
  readonly template: PromptStyle;
  /** Where its first weights lie; null for a new model. */
  readonly directory: string | null;
}

/** What is asked of a student. */
export interface StudentRequest {
  readonly compute: ComputeType | null;
  readonly template: PromptStyle | null;
}

/** A student that is there. */
export function studentOf(facts: ModelFacts, { compute, template }: StudentRequest): Student {
  return {
    ...facts,
    compute: compute ?? facts.compute,
    template: template ?? defaultPromptStyle(facts.tokenizer, facts.generation),
  };
}

/**
 * A student of that shape (a preset, a released shape, a config.json), which reads and writes as its teacher does.
 * Throws ConfigError as `freshConfig`.
 */
export function newStudent(
  shape: string,
  fields: Readonly<Record<string, unknown>>,
  teacher: ModelFacts,
  { compute, template }: StudentRequest,
): Student {
  const { tokenizer, stopIds } = teacher;
  return {
    config: freshConfig(shape, fields, tokenizer, { verb: "distill", flag: "--student" }),
    tokenizer,
    stopIds,
    generation: {},
    compute: compute ?? "bf16",
    template: template ?? defaultPromptStyle(tokenizer, teacher.generation),
    directory: null,
  };
}

/** The student's model, ready to train; its owner disposes it. */
export async function openStudent(
  { config, compute, directory }: Student,
  adapters: readonly AdapterSpec[],
  seed: number,
): Promise<LanguageModel> {
  if (directory === null) return createModel(config, { compute, seed });
  return (await openModel(directory, { compute, adapters })).model;
}
