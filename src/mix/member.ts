// A member of a mix: an engine and what belongs to it. Knows no policy.
import { createShapesDevice } from "../backends/shapes.js";
import type { JsonObject } from "../checkpoint/index.js";
import { ConfigError } from "../errors.js";
import { generationRequest } from "../inference/conversation/chat-model.js";
import type { ChatSampling } from "../inference/conversation/chat-session.js";
import {
  type ChatPrompt,
  type ChatStyle,
  type ChatStyleOptions,
  chatStyle,
} from "../inference/conversation/chat-style.js";
import type { OpenedEngine } from "../inference/opening/open-engine.js";
import { type SamplingDefaults, samplingDefaults } from "../inference/opening/sampling-defaults.js";
import type { EngineHandle, RunningRequest } from "../inference/runtime/engine-handle.js";
import type { GenerationRequest } from "../inference/runtime/request.js";
import { createModel } from "../models/create.js";
import type { HfConfig } from "../models/hf-config.js";
import type { ResponseForm } from "../tasks/response.js";
import type { PromptTemplate } from "../tasks/task.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";

/** A question as a member gets it, and how its reply is read. */
export interface MemberPrompt extends ChatPrompt {
  readonly form: ResponseForm;
}

/** How a member is asked. */
export interface Asking {
  readonly sampling: ChatSampling;
  /** New tokens of a reply at most; default: what the member's context leaves. */
  readonly maxNewTokens?: number;
  /** As `GenerationRequest` has them. */
  readonly loop?: GenerationRequest["loop"];
  readonly events?: boolean;
}

/** What a member is made of. */
export interface MemberParts {
  readonly name: string;
  readonly engine: EngineHandle;
  readonly tokenizer: Tokenizer;
  /** How prompts were put to it in training. */
  readonly template: PromptTemplate | null;
  /** generation_config.json, or nothing. */
  readonly generation: JsonObject;
  readonly stopIds: readonly number[];
  /** Parameters that a token uses. */
  readonly activeParameters: number;
  /** In place of its own. */
  readonly temperature?: number;
  readonly topP?: number;
}

/** See the file's head. Whoever opened the engine closes it. */
export class Member {
  readonly defaults: SamplingDefaults;
  private readonly styles = new Map<string, ChatStyle>();

  constructor(readonly parts: MemberParts) {
    const { generation, tokenizer, temperature, topP } = parts;
    const own = samplingDefaults(generation, tokenizer);
    this.defaults = { ...own, temperature: temperature ?? own.temperature, topP: topP ?? own.topP };
  }

  get name(): string {
    return this.parts.name;
  }
  get tokenizer(): Tokenizer {
    return this.parts.tokenizer;
  }
  /** Longest sequence, prompt and reply together. */
  get maxContext(): number {
    return this.parts.engine.limits.maxContext;
  }
  /** Two for each active parameter; attention is left out. */
  get flopsPerToken(): number {
    return 2 * this.parts.activeParameters;
  }

  /** How conversations are put to it. */
  style(options: ChatStyleOptions = {}): ChatStyle {
    const { raw = false, controlTokens = false } = options;
    const key = `${raw} ${controlTokens}`;
    const style = this.styles.get(key) ?? chatStyle(this.parts.tokenizer, this.parts.template, options);
    this.styles.set(key, style);
    return style;
  }

  /** Asks for one reply. Throws ConfigError where the prompt leaves no room, and as `EngineHandle.submit`. */
  submit(prompt: MemberPrompt, { sampling, maxNewTokens, loop, events }: Asking): RunningRequest {
    const room = this.maxContext - prompt.ids.length;
    if (room < 1)
      throw new ConfigError(
        `member "${this.name}": the prompt has ${prompt.ids.length} tokens, its context is ${this.maxContext}; ` +
          "shorten the prompt, or leave the member out of the mix",
      );
    const { engine, stopIds } = this.parts;
    const asked = { prompt, form: prompt.form, maxNewTokens: Math.min(room, maxNewTokens ?? room), sampling };
    return engine.submit({ ...generationRequest(asked, this.defaults, stopIds), loop, events });
  }
}

/** The member that an opened engine is. Throws ConfigError for a model without a tokenizer. */
export function memberOf(name: string, opened: OpenedEngine, own: Pick<MemberParts, "temperature" | "topP">): Member {
  const { engine, tokenizer, template, generation, stopIds, config, warning } = opened;
  if (!tokenizer) throw new ConfigError(`member "${name}" has no tokenizer${warning ? ` (${warning})` : ""}`);
  const activeParameters = activeParametersOf(config);
  return new Member({ name, engine, tokenizer, template, generation, stopIds, activeParameters, ...own });
}

/** Parameters that a token uses, without loading any. */
export const activeParametersOf = (config: HfConfig): number =>
  createModel(config, { seed: null, trains: "none", device: createShapesDevice() }).numActiveParameters;
