// How models write calls of tools: DeepSeek V3 and R1-0528, Qwen and Hermes, Llama 3. Which one a model writes is told
// by its chat template. Knows text, no tokens.
import type { ChatTemplate, Tokenizer } from "../../../tokenizer/index.js";

/** A tool that a model may call. */
export interface Tool {
  readonly name: string;
  readonly description?: string;
  /** A JSON schema of its arguments; default: any object. */
  readonly parameters?: object;
  /** Whether arguments must obey the schema. */
  readonly strict?: boolean;
}

/** A whole call. */
export interface ParsedCall {
  readonly name: string;
  /** JSON. */
  readonly arguments: string;
}

/** A way of writing calls. */
export interface CallFormat {
  readonly name: "deepseek" | "hermes" | "json";
  /** Stands around all calls of a turn. */
  readonly around?: readonly [open: string, close: string];
  /** Stands before a call; null where a call begins with its JSON, at the very beginning of the answer. */
  readonly open: string | null;
  /** Stands behind a call. */
  readonly close: string;
  /** What comes between the opening and the arguments, an object; its first group is the name. */
  readonly head: RegExp;
  /** The name of the first group. */
  readonly nameOf: (group: string) => string;
  /** A call whose parts come in another order, all that stands between opening and closing; undefined for none. */
  readonly whole: (body: string) => ParsedCall | undefined;
  /** How calls are written, for models whose template does not show them. */
  readonly write: (calls: readonly ParsedCall[]) => string;
}

/** `{"name": "…", "arguments": {` up to the object, perhaps as the first of a list. */
const JSON_HEAD =
  /^\s*\[?\s*\{\s*(?:"type"\s*:\s*"function"\s*,\s*)?"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"(?:arguments|parameters)"\s*:\s*(?=\{)/;
const jsonName = (group: string): string => JSON.parse(group) as string;

function jsonCall(body: string): ParsedCall | undefined {
  try {
    const { name, arguments: given, parameters = {} } = JSON.parse(body) as Readonly<Record<string, unknown>>;
    const value = given ?? parameters;
    if (typeof name !== "string") return undefined;
    return { name, arguments: typeof value === "string" ? value : JSON.stringify(value) };
  } catch {
    return undefined;
  }
}

const DEEPSEEK: CallFormat = {
  name: "deepseek",
  around: ["<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"],
  open: "<｜tool▁call▁begin｜>",
  close: "<｜tool▁call▁end｜>",
  // V3 and R1-0528 write the type, then the name and a code block; V3.1 the name alone.
  head: /^\s*(?:function<｜tool▁sep｜>(?=[^\n]*\n))?([^<\n]+?)\s*(?:\n```json\n\s*|<｜tool▁sep｜>\s*)(?=\{)/,
  nameOf: (group) => group,
  whole: () => undefined,
  write: (calls) => {
    const one = ({ name, arguments: given }: ParsedCall) =>
      `<｜tool▁call▁begin｜>function<｜tool▁sep｜>${name}\n\`\`\`json\n${given}\n\`\`\`<｜tool▁call▁end｜>`;
    return `<｜tool▁calls▁begin｜>${calls.map(one).join("\n")}<｜tool▁calls▁end｜>`;
  },
};

const HERMES: CallFormat = {
  name: "hermes",
  open: "<tool_call>",
  close: "</tool_call>",
  head: JSON_HEAD,
  nameOf: jsonName,
  whole: jsonCall,
  write: (calls) =>
    calls
      .map(({ name, arguments: given }) => `<tool_call>\n{"name": "${name}", "arguments": ${given}}\n</tool_call>`)
      .join("\n"),
};

/** Llama 3's, and that of answers which a grammar holds to be calls: JSON alone, one call or a list of them. */
export const JSON_CALLS: CallFormat = {
  name: "json",
  open: null,
  close: "}",
  head: JSON_HEAD,
  nameOf: jsonName,
  whole: jsonCall,
  write: (calls) => {
    const written = calls.map(({ name, arguments: given }) => `{"name": "${name}", "parameters": ${given}}`);
    return written.length === 1 ? written[0] : `[${written.join(", ")}]`;
  },
};

/**
 * The format of a model: the one its template writes, else the one its vocabulary has tokens for, else Hermes', which
 * any model can be told.
 */
export function callFormatOf(template: ChatTemplate | undefined, tokenizer: Tokenizer): CallFormat {
  const writes = (text: string) => template?.mentions(text) ?? false;
  if (writes("<｜tool▁call▁begin｜>")) return DEEPSEEK;
  if (writes("<tool_call>")) return HERMES;
  if (writes("python_tag") || writes('"parameters": ')) return JSON_CALLS;
  return tokenizer.tokenId("<｜tool▁call▁begin｜>") === undefined ? HERMES : DEEPSEEK;
}

const EXAMPLE: ParsedCall = { name: "FUNCTION_NAME", arguments: '{"param1": "value1", "param2": "value2"}' };

/** What a model is told of tools where its template does not show them. */
export const toolInstructions = ({ write }: CallFormat, tools: readonly Tool[]): string =>
  "You can call functions. To call one, answer in exactly this form, with the function's name and its arguments as " +
  `JSON:\n${write([EXAMPLE])}\n\nThese functions are available:\n${tools.map((tool) => JSON.stringify(described(tool))).join("\n")}`;

/** A tool as templates take it. */
export const described = ({ name, description, parameters }: Tool): object => ({
  type: "function",
  function: { name, ...(description !== undefined && { description }), parameters: parameters ?? ANY_OBJECT },
});

/** The schema of a tool that gives none. */
export const ANY_OBJECT = { type: "object", properties: {} };
