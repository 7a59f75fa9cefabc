// IFEval: prompts with instructions that a program can check (Zhou et al. 2023, arXiv 2311.07911). For example:
//   prompt               "Write a short poem about rain, without any commas, in at least 40 words."
//   instruction_id_list  ["punctuation:no_comma", "length_constraints:number_words"]
//   kwargs               [{}, {"relation": "at least", "num_words": 40}]
//   key                  1001
// A reply is right when it follows all instructions as it stands (strict, prompt level). Loosely, it may also do so
// without its asterisks, its first line or its last. Both are told at the level of single instructions too.
import { listOf, textOf } from "../../data/columns.js";
import { DataError } from "../../errors.js";
import type { Grader } from "../listed-task.js";
import type { Problem, Share } from "../task.js";
import { INSTRUCTIONS, type InstructionArguments } from "./instructions.js";
import type { Suite } from "./suite.js";

/** An instruction of a prompt. */
interface Instruction {
  readonly id: string;
  readonly args: InstructionArguments;
}

const instructionsOf = ({ meta }: Problem): readonly Instruction[] => meta.instructions as readonly Instruction[];

/** Whether the whole reply, the thought taken off, follows its instructions. */
const instructionGrader: Grader = {
  name: "instructions",
  instruction: "",
  answerForm: "the whole reply",
  needsNoGold: true,
  find: (_, reply) => reply,
  grade(problem, reply) {
    const instructions = instructionsOf(problem);
    const strict = instructions.map((instruction) => isFollowed(instruction, [reply]));
    const loose = instructions.map((instruction) => isFollowed(instruction, looseForms(reply)));
    return {
      score: strict.every(Boolean) ? 1 : 0,
      decidedBy: "instructions",
      shares: {
        "prompts, strict": shareOf([strict.every(Boolean)]),
        "prompts, loose": shareOf([loose.every(Boolean)]),
        "instructions, strict": shareOf(strict),
        "instructions, loose": shareOf(loose),
      },
    };
  },
};

const shareOf = (followed: readonly boolean[]): Share => ({
  number: followed.filter(Boolean).length,
  of: followed.length,
});

const isFollowed = ({ id, args }: Instruction, forms: readonly string[]): boolean =>
  forms.some((text) => text.trim() !== "" && INSTRUCTIONS[id].isFollowed(text, args));

/** A reply as it stands and without its first line, its last or both, each also without asterisks. */
function looseForms(reply: string): string[] {
  const lines = reply.split("\n");
  const cut = [lines.slice(1), lines.slice(0, -1), lines.slice(1, -1)].map((part) => part.join("\n").trim());
  return [reply, ...cut].flatMap((text) => [text, text.replaceAll("*", "")]);
}

/** See the file's head. */
export const ifeval: Suite = {
  name: "ifeval",
  title: "IFEval",
  source: {
    repo: "google/IFEval",
    revision: "966cd89545d6b6acfd7638bc708b98261ca58e84",
    part: "ifeval_input_data.jsonl",
    licence: "Apache-2.0",
  },
  grader: instructionGrader,
  samples: 1,
  read(placed) {
    const question = textOf(placed, "prompt");
    const ids = listOf(placed, "instruction_id_list").map(String);
    const args = listOf(placed, "kwargs");
    if (ids.length !== args.length)
      throw new DataError(
        `${placed.where}: expected as many kwargs as instructions, got ${args.length} and ${ids.length}`,
      );
    const instructions = ids.map((id, i) => ({ id, args: argumentsOf(id, args[i], question, placed.where) }));
    return { id: textOf(placed, "key"), question, answer: "", meta: { instructions } };
  },
};

/** The arguments that are set. Throws DataError for an instruction that is not supported, or lacks an argument. */
function argumentsOf(id: string, given: unknown, prompt: string, where: string): InstructionArguments {
  if (!Object.hasOwn(INSTRUCTIONS, id))
    throw new DataError(
      `${where}: instruction ${JSON.stringify(id)} is not supported; supported are ${Object.keys(INSTRUCTIONS).join(", ")}`,
    );
  const args = Object.fromEntries(Object.entries(given ?? {}).filter(([, value]) => value !== null));
  const missing = INSTRUCTIONS[id].needs.find((name) => args[name] === undefined);
  if (missing !== undefined && missing !== "prompt_to_repeat")
    throw new DataError(`${where}: instruction ${JSON.stringify(id)} needs the argument ${missing} in kwargs`);
  return { ...args, ...(missing === undefined ? {} : { prompt_to_repeat: prompt }) };
}
