// The fields by which chat requests say whether and how long a model shall think: OpenAI's, DeepSeek's, OpenRouter's
// and Qwen's. Knows no path.
import { z } from "zod";
import { nullish } from "../../http/body.js";
import { EFFORTS, type Effort, thinkingByEffort } from "../../replies/efforts.js";
import type { ChatTask } from "../../replies/task.js";

const EFFORT = nullish(z.enum(Object.keys(EFFORTS) as [Effort]));
const TOKENS = nullish(z.number().int().min(0));
const FLAG = nullish(z.boolean());

/** The fields. */
export const THINKING_FIELDS = {
  reasoning_effort: EFFORT,
  /** DeepSeek's switch. */
  thinking: nullish(z.looseObject({ type: z.enum(["enabled", "disabled", "adaptive"]), budget_tokens: TOKENS })),
  /** Tokens of thinking at most. */
  thinking_budget: TOKENS,
  /** OpenRouter's form of all of these. */
  reasoning: nullish(z.looseObject({ effort: EFFORT, max_tokens: TOKENS, enabled: FLAG, exclude: FLAG })),
  /** Whether the thought is told; vLLM's name for it. */
  include_reasoning: FLAG,
  /** Qwen's switch, where its own server has it. */
  enable_thinking: FLAG,
  chat_template_kwargs: nullish(z.record(z.string(), z.unknown())),
};
type ThinkingFields = z.output<z.ZodObject<typeof THINKING_FIELDS>>;

/** What a task is told of thinking. The first field that is given counts, in their order above. */
export function thinkingTask(fields: ThinkingFields): Pick<ChatTask, "thinks" | "variables"> {
  const { thinking, reasoning, enable_thinking: isOn = reasoning?.enabled } = fields;
  const asked = thinkingByEffort(effortOf(fields), thinking ? thinking.type !== "disabled" : isOn);
  return { thinks: asked.thinks, variables: { ...asked.variables, ...fields.chat_template_kwargs } };
}

/** The bound of the thought, where there is one. */
export function thinkBudgetOf(fields: ThinkingFields): { readonly thinkBudget?: number } {
  const asked = fields.thinking_budget ?? fields.thinking?.budget_tokens ?? fields.reasoning?.max_tokens;
  const thinkBudget = asked ?? thinkingByEffort(effortOf(fields)).thinkBudget;
  return thinkBudget === undefined ? {} : { thinkBudget };
}

const effortOf = ({ reasoning_effort: effort, reasoning }: ThinkingFields): Effort | undefined =>
  effort ?? reasoning?.effort;
