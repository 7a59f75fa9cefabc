// A model that is loaded: how it is talked to, and the engine that computes it. Knows no request and no dialect.
import {
  type ChatPrompt,
  type ChatSampling,
  type ChatStyle,
  chatStyle,
  generationRequest,
  type OpenedEngine,
  type RunningRequest,
  type SamplingDefaults,
  samplingDefaults,
} from "../../inference/index.js";
import type { Tokenizer } from "../../tokenizer/index.js";
import { type TemplateHabits, templateHabits } from "./template-habits.js";

/** What a model is beside its engine. */
export interface ServedModelOptions {
  /** The longest sequence that is allowed; default: what the engine takes. */
  readonly context?: number;
  /** Name of the adapter that it answers with; default: none. */
  readonly adapter?: string;
}

/** See the file's head. Whoever opened the engine closes it. */
export class ServedModel {
  readonly style: ChatStyle;
  readonly defaults: SamplingDefaults;
  readonly habits: TemplateHabits;
  /** Characters of the vocabulary's longest token. */
  readonly longestToken: number;

  constructor(
    readonly name: string,
    readonly tokenizer: Tokenizer,
    private readonly opened: OpenedEngine,
    private readonly options: ServedModelOptions = {},
  ) {
    const { generation, template } = opened.byAdapter?.get(options.adapter ?? null) ?? opened;
    this.style = chatStyle(tokenizer, template);
    this.defaults = samplingDefaults(generation, tokenizer);
    this.habits = templateHabits(this.style.template);
    this.longestToken = longestToken(tokenizer);
  }

  /** Longest sequence, prompt and completion together. */
  get maxContext(): number {
    return Math.min(this.opened.engine.limits.maxContext, this.options.context ?? Number.POSITIVE_INFINITY);
  }
  get vocabSize(): number {
    return this.opened.engine.limits.vocabSize;
  }

  /** Asks for one completion of a prompt, exactly as `luciole run` does. Throws as `EngineHandle.submit`. */
  generate(
    prompt: ChatPrompt,
    form: ChatStyle["form"],
    maxNewTokens: number,
    sampling: ChatSampling,
    signal: AbortSignal,
  ): RunningRequest {
    const { stopIds, engine } = this.opened;
    const { adapter = null } = this.options;
    const asked = { prompt, form, maxNewTokens, sampling: { ...sampling, adapter }, signal };
    return engine.submit(generationRequest(asked, this.defaults, stopIds));
  }
}

/** Infinity where the vocabulary is of a kind that does not tell. */
function longestToken(tokenizer: Tokenizer): number {
  const { vocab } = tokenizer.toJSON().model;
  if (typeof vocab !== "object" || vocab === null || Array.isArray(vocab)) return Number.POSITIVE_INFINITY;
  const tokens = [...Object.keys(vocab), ...tokenizer.specialTokens.map(({ token }) => token)];
  return tokens.reduce((most, { length }) => Math.max(most, length), 1);
}
