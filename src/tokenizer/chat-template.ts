// Conversations as prompts: the model's own chat template (Jinja) where its tokenizer has one, else plain role lines.
// Knows no model; says which part of the text the assistant wrote.
import { DataError } from "../errors.js";
import { ControlTokens, type MarkedText, unmarked } from "./control-tokens.js";
import { BudgetedTemplate } from "./template-engine.js";
import type { Tokenizer } from "./tokenizer.js";

/** One turn of a conversation; further keys (`tool_calls`, `reasoning_content`) reach the template as they are. */
export interface ChatMessage {
  readonly role: string;
  /** Null in a turn that only calls tools. */
  readonly content: string | null;
  readonly [key: string]: unknown;
}

/** What else a template is told. */
export interface ChatTemplateOptions {
  /** Ends the text where the assistant would begin to write. */
  readonly openAssistant: boolean;
  /** Descriptions of functions the assistant may call, as JSON schemas. */
  readonly tools?: readonly object[];
  /** Further variables that a template may read, such as `enable_thinking`. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** What else a prompt is made by. */
export interface ChatPromptOptions extends ChatTemplateOptions {
  /**
   * Whether text in messages that spells a control token becomes one: in all turns, or in those of some roles. Default:
   * in none.
   */
  readonly controlTokens?: boolean | readonly string[];
}

/** Stands for a turn's text while a template is asked whether it shows turns of a role. */
const PROBE = "luciole-probe";
/** Roles every template has. */
const COMMON_ROLES = ["user", "assistant"];

/**
 * A model's chat template. DeepSeek's cut the thinking out of earlier turns themselves and may open the next
 * (`<think>`).
 */
export class ChatTemplate {
  private readonly templates = new Map<string, BudgetedTemplate>();
  private readonly rolesShown = new Map<string, boolean>();

  private constructor(
    private readonly sources: ReadonlyMap<string, string>,
    private readonly tokens: { readonly bos_token: string; readonly eos_token: string },
    private readonly control: ControlTokens,
  ) {}

  /**
   * The template of a tokenizer: one text, or several by name of which `default` and `tool_use` are used. Undefined
   * where it has none.
   */
  static of(tokenizer: Tokenizer): ChatTemplate | undefined {
    const sources = templateSources(tokenizer.config?.chat_template);
    const token = (id: number | undefined) => tokenizer.specialTokens.find((special) => special.id === id)?.token ?? "";
    if (sources.size === 0) return undefined;
    const ends = { bos_token: token(tokenizer.bosId), eos_token: token(tokenizer.eosId) };
    return new ChatTemplate(sources, ends, new ControlTokens(tokenizer, sources.values()));
  }

  /** Whether a word stands in the template: what it never names, it cannot show. */
  mentions(word: string): boolean {
    return [...this.sources.values()].some((source) => source.includes(word));
  }

  /**
   * The prompt of a conversation, for `encodePrompt`: the template's own control tokens are tokens, what spells one in
   * a message is text, and in an assistant's turn the tags of a response are tags. Throws as `render`.
   */
  prompt(messages: readonly ChatMessage[], { controlTokens = [], ...options }: ChatPromptOptions): MarkedText {
    if (controlTokens === true) return { text: this.render(messages, options), marks: new Map() };
    const { messages: marked, marks } = this.control.mark(messages, this.sources.values(), controlTokens || []);
    return { text: this.render(marked, options), marks };
  }

  /**
   * The text of a conversation as the template writes it. Throws DataError for a template that cannot be read, refuses
   * the conversation, or would drop a turn for its role.
   */
  render(messages: readonly ChatMessage[], options: ChatTemplateOptions): string {
    const name = options.tools && this.sources.has("tool_use") ? "tool_use" : "default";
    for (const { role } of messages) this.requireRole(role, name);
    try {
      return this.run(name, messages, options);
    } catch (error) {
      if (error instanceof DataError) throw error;
      throw new DataError(`the model's chat template refuses this conversation: ${oneLine(error)}`, { cause: error });
    }
  }

  private run(
    name: string,
    messages: readonly ChatMessage[],
    { openAssistant, tools, variables }: ChatTemplateOptions,
  ): string {
    return this.template(name).render({
      ...variables,
      messages,
      tools: tools ?? null,
      documents: null,
      add_generation_prompt: openAssistant,
      ...this.tokens,
    });
  }

  private template(name: string): BudgetedTemplate {
    const known = this.templates.get(name);
    if (known) return known;
    const source = this.sources.get(name);
    if (source === undefined)
      throw new DataError(
        `the model has chat templates ${[...this.sources.keys()].join(", ")}, but none named default`,
      );
    try {
      const template = new BudgetedTemplate(source);
      this.templates.set(name, template);
      return template;
    } catch (error) {
      if (error instanceof DataError) throw error;
      throw new DataError(`the model's chat template cannot be read: ${oneLine(error)}`, { cause: error });
    }
  }

  /** Many templates pass over a role they do not know without a word; the turn would be lost. */
  private requireRole(role: string, name: string): void {
    if (COMMON_ROLES.includes(role)) return;
    const isShown = this.rolesShown.get(role) ?? this.showsRole(role, name);
    this.rolesShown.set(role, isShown);
    if (!isShown)
      throw new DataError(
        `the model's chat template does not support the role ${JSON.stringify(role)}; put its text into a ` +
          `turn of role "user"`,
      );
  }

  private showsRole(role: string, name: string): boolean {
    const user = { role: "user", content: "?" };
    const probe = { role, content: PROBE };
    try {
      return this.run(name, role === "tool" ? [user, probe] : [probe, user], { openAssistant: false }).includes(PROBE);
    } catch (error) {
      if (error instanceof DataError) throw error;
      // It may refuse this order of turns only; the conversation itself will show.
      return true;
    }
  }
}

function templateSources(template: unknown): Map<string, string> {
  if (typeof template === "string") return new Map([["default", template]]);
  const named = Array.isArray(template)
    ? (template as readonly { readonly name?: unknown; readonly template?: unknown }[])
    : [];
  return new Map(
    named.flatMap(({ name, template: source }) =>
      typeof name === "string" && typeof source === "string" ? [[name, source] as const] : [],
    ),
  );
}

const oneLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replaceAll(/\s*\n\s*/g, " ");

/**
 * The ids of a prompt, with the begin token in front where the tokenizer wants one, and never twice: most templates
 * write it themselves.
 */
export function encodePrompt(tokenizer: Tokenizer, prompt: string | MarkedText): Int32Array {
  const { text, marks } = typeof prompt === "string" ? { text: prompt } : prompt;
  const ids = tokenizer.encode(text, { addSpecialTokens: true, marks });
  const isTwice = tokenizer.bosId !== undefined && ids[0] === tokenizer.bosId && ids[1] === tokenizer.bosId;
  return isTwice ? ids.subarray(1) : ids;
}

/** A prompt and the text that is to follow it. */
export interface PromptAndCompletion {
  readonly prompt: MarkedText;
  readonly completion: MarkedText;
}

/** Renders messages; with `openAssistant` the text ends where the assistant would begin to write. */
export type ChatRenderer = (messages: readonly ChatMessage[], openAssistant: boolean) => MarkedText;

/**
 * The renderer of a tokenizer's chat template, or that of plain role lines, for turns to learn from: what an assistant
 * wrote may hold control tokens, what others wrote is text. Its prompts are for `encodePrompt`.
 */
export function chatRenderer(tokenizer: Tokenizer): ChatRenderer {
  const template = ChatTemplate.of(tokenizer);
  const controlTokens = ["assistant"];
  if (template) return (messages, openAssistant) => template.prompt(messages, { openAssistant, controlTokens });
  const control = new ControlTokens(tokenizer, []);
  return (messages, openAssistant) => {
    const { messages: marked, marks } = control.mark(messages, [], controlTokens);
    return { text: plainLines(marked, openAssistant), marks };
  };
}

function plainLines(messages: readonly ChatMessage[], openAssistant: boolean): string {
  const lines = messages.map(
    ({ role, content }) => `${role.charAt(0).toUpperCase()}${role.slice(1)}: ${content ?? ""}\n`,
  );
  return lines.join("") + (openAssistant ? "Assistant: " : "");
}

/**
 * The last assistant turn as a completion, everything before it as its prompt. Throws DataError when the conversation
 * does not end in one.
 */
export function lastTurn(messages: readonly ChatMessage[], render: ChatRenderer): PromptAndCompletion {
  const last = messages.at(-1);
  if (last?.role !== "assistant")
    throw new DataError(
      `messages must end with a turn of role "assistant", got ${JSON.stringify(last?.role ?? "none")}`,
    );
  const prompt = render(messages.slice(0, -1), true);
  const { text, marks } = render(messages, false);
  // Some templates rewrite earlier turns once an answer stands; then the answer's own text is all that can be told
  // apart.
  const continues = unmarked({ text, marks }).startsWith(unmarked(prompt));
  return { prompt, completion: { text: continues ? text.slice(prompt.text.length) : (last.content ?? ""), marks } };
}
