// A model that is loaded: how it is talked to, and what makes its replies: an engine, or a mix of models. Knows no
// request and no dialect.
import {
  type ChatPrompt,
  type ChatSampling,
  type ChatStyle,
  chatStyle,
  generationRequest,
  type OpenedEngine,
  type ReplyRequest,
  type RunningRequest,
  type SamplingDefaults,
  samplingDefaults,
} from "../../inference/index.js";
import { type Mix, mixModel, mixStyle, requireOneTokenizer } from "../../mix/index.js";
import type { Tokenizer } from "../../tokenizer/index.js";
import { type TemplateHabits, templateHabits } from "./template-habits.js";

/** What a model is made of. */
export interface ServedParts {
  /** Of a mix that of its first member. */
  readonly tokenizer: Tokenizer;
  readonly style: ChatStyle;
  readonly defaults: SamplingDefaults;
  readonly vocabSize: number;
  /** Longest sequence, prompt and completion together. */
  readonly maxContext: number;
  reply(request: ReplyRequest): RunningRequest;
  /** Throws ConfigError where members of a mix have several tokenizers and `what` needs one. */
  requireTokenizer(what: string): void;
}

/** The parts of a model that an engine computes, with the adapter of that name or without any. */
export function engineParts(tokenizer: Tokenizer, opened: OpenedEngine, adapter: string | null = null): ServedParts {
  const { generation, template } = opened.byAdapter?.get(adapter) ?? opened;
  const { engine, stopIds } = opened;
  const defaults = samplingDefaults(generation, tokenizer);
  return {
    ...{ tokenizer, defaults, style: chatStyle(tokenizer, template) },
    vocabSize: engine.limits.vocabSize,
    maxContext: engine.limits.maxContext,
    reply: ({ sampling, ...request }) =>
      engine.submit(generationRequest({ ...request, sampling: { ...sampling, adapter } }, defaults, stopIds)),
    requireTokenizer() {},
  };
}

/** The parts of a mix of models. */
export function mixParts(mix: Mix): ServedParts {
  const [first] = mix.members;
  const { maxPositions: maxContext, reply } = mixModel(mix);
  return {
    ...{ tokenizer: first.tokenizer, defaults: first.defaults, style: mixStyle(mix), maxContext, reply },
    vocabSize: first.tokenizer.vocabSize,
    requireTokenizer: (what) => requireOneTokenizer(mix, what),
  };
}

/** See the file's head. Whoever opened the engines closes them. */
export class ServedModel {
  readonly habits: TemplateHabits;
  /** Characters of the vocabulary's longest token. */
  readonly longestToken: number;

  /** `context`: the longest sequence that is allowed; default: what its parts take. */
  constructor(
    readonly name: string,
    private readonly parts: ServedParts,
    private readonly context = Number.POSITIVE_INFINITY,
  ) {
    this.habits = templateHabits(parts.style.template);
    this.longestToken = longestToken(parts.tokenizer);
  }

  get tokenizer(): Tokenizer {
    return this.parts.tokenizer;
  }
  get style(): ChatStyle {
    return this.parts.style;
  }
  get defaults(): SamplingDefaults {
    return this.parts.defaults;
  }
  /** Longest sequence, prompt and completion together. */
  get maxContext(): number {
    return Math.min(this.parts.maxContext, this.context);
  }
  get vocabSize(): number {
    return this.parts.vocabSize;
  }

  /** Throws ConfigError where members of a mix have several tokenizers and `what` needs one. */
  requireTokenizer(what: string): void {
    this.parts.requireTokenizer(what);
  }

  /** Asks for one completion of a prompt, exactly as `luciole run` does. Throws as `EngineHandle.submit`. */
  generate(
    prompt: ChatPrompt,
    form: ChatStyle["form"],
    maxNewTokens: number,
    sampling: ChatSampling,
    signal: AbortSignal,
  ): RunningRequest {
    return this.parts.reply({ prompt, form, maxNewTokens, sampling, signal });
  }
}

/** Infinity where the vocabulary is of a kind that does not tell. */
function longestToken(tokenizer: Tokenizer): number {
  const { vocab } = tokenizer.toJSON().model;
  if (typeof vocab !== "object" || vocab === null || Array.isArray(vocab)) return Number.POSITIVE_INFINITY;
  const tokens = [...Object.keys(vocab), ...tokenizer.specialTokens.map(({ token }) => token)];
  return tokens.reduce((most, { length }) => Math.max(most, length), 1);
}
