// The fields by which OpenAI's chat requests give tools and say which may be called, and what they mean here. Knows no
// path.
import { z } from "zod";
import { ApiError } from "../../api-error.js";
import { nullish } from "../../http/body.js";
import type { ChatTask, ToolChoice } from "../../replies/task.js";

const NAME = z.string().regex(/^[a-zA-Z0-9_.:-]{1,128}$/, "expected a name of letters, digits, _, -, . or :");
const TOOL = z.looseObject({
  type: z.string(),
  function: z
    .looseObject({
      name: NAME,
      description: z.string().nullish(),
      parameters: z.record(z.string(), z.unknown()).nullish(),
      strict: z.boolean().nullish(),
    })
    .optional(),
});
const NAMED = z.looseObject({ type: z.literal("function"), function: z.looseObject({ name: z.string() }) });
const ALLOWED = z.looseObject({
  type: z.literal("allowed_tools"),
  allowed_tools: z.looseObject({
    mode: z.enum(["auto", "required"]),
    tools: z.array(z.looseObject({ type: z.string(), function: z.looseObject({ name: z.string() }).optional() })),
  }),
});
const TOOL_CHOICE = z.union(
  [z.enum(["none", "auto", "required"]), NAMED, ALLOWED],
  'expected "none", "auto", "required", {"type": "function", "function": {"name": …}} or a list of allowed_tools',
);

/** The fields. */
export const TOOL_FIELDS = {
  tools: nullish(z.array(TOOL).max(1024)),
  tool_choice: nullish(TOOL_CHOICE),
  parallel_tool_calls: nullish(z.boolean()),
};
type ToolFields = z.output<z.ZodObject<typeof TOOL_FIELDS>>;

/** What a task is told of tools. Throws ApiError for a tool that is none, and for allowed ones that are not there. */
export function toolTask(fields: ToolFields): Pick<ChatTask, "tools" | "toolChoice" | "parallelCalls"> {
  return { tools: allowedOf(fields, toolsOf(fields)), toolChoice: choiceOf(fields), parallelCalls: parallelOf(fields) };
}

const parallelOf = ({ parallel_tool_calls: areParallel = true }: ToolFields): boolean => areParallel;

/** Tools of kinds that only their maker can run are let be. */
const toolsOf = ({ tools = [] }: ToolFields): ChatTask["tools"] =>
  tools.flatMap(({ type, function: given }, i) => {
    if (type !== "function") return [];
    if (!given) throw new ApiError("invalid", `tools[${i}].function: expected a function`, { param: `tools[${i}]` });
    const { name, description, parameters, strict } = given;
    return [
      { name, description: description ?? undefined, parameters: parameters ?? undefined, strict: strict ?? false },
    ];
  });

/** The tools that a choice allows: the model hears of no others. */
function allowedOf({ tool_choice: choice }: ToolFields, tools: ChatTask["tools"]): ChatTask["tools"] {
  if (typeof choice !== "object" || choice.type !== "allowed_tools") return tools;
  const names = choice.allowed_tools.tools.flatMap((tool) => tool.function?.name ?? []);
  const unknown = names.find((name) => !tools.some((tool) => tool.name === name));
  if (unknown !== undefined)
    throw new ApiError("invalid", `tool_choice: there is no tool ${JSON.stringify(unknown)} among tools`, {
      param: "tool_choice",
    });
  return tools.filter(({ name }) => names.includes(name));
}

function choiceOf({ tool_choice: choice = "auto" }: ToolFields): ToolChoice {
  if (typeof choice === "string") return choice;
  return choice.type === "function" ? { name: choice.function.name } : choice.allowed_tools.mode;
}
