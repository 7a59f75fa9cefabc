// The schema of an answer that must be calls of tools: a list of them, each with its name and with arguments that obey
// the tool's own schema. Knows JSON Schema, no model.
import type { ToolChoice } from "../task.js";
import type { Tool } from "./call-format.js";

/** Calls of one answer at most, where it may have several. */
const MAX_CALLS = 8;

/** The schema for a choice that demands a call; undefined for one that leaves it to the model. */
export function callSchema(tools: readonly Tool[], choice: ToolChoice, areParallel: boolean): object | undefined {
  if (choice === "auto" || choice === "none") return undefined;
  const allowed = choice === "required" ? tools : tools.filter(({ name }) => name === choice.name);
  const forms = allowed.map(({ name }, i) => ({
    type: "object",
    properties: { name: { const: name }, arguments: { $ref: placeOf(i) } },
    required: ["name", "arguments"],
    additionalProperties: false,
  }));
  const several = areParallel && choice === "required";
  return {
    type: "array",
    items: { anyOf: forms },
    minItems: 1,
    maxItems: several ? MAX_CALLS : 1,
    $defs: Object.fromEntries(allowed.map(({ parameters }, i) => [`tool${i}`, argumentsOf(parameters, placeOf(i))])),
  };
}

const placeOf = (tool: number): string => `#/$defs/tool${tool}`;

/** A tool's schema at its place in another: what it refers to moves with it. */
const argumentsOf = (parameters: object | undefined, at: string): unknown =>
  parameters === undefined || Object.keys(parameters).length === 0 ? { type: "object" } : moved(parameters, at);

function moved(value: unknown, at: string): unknown {
  if (Array.isArray(value)) return value.map((each) => moved(each, at));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      key === "$ref" && typeof each === "string" ? each.replace(/^#/, at) : moved(each, at),
    ]),
  );
}
