// A mix as a conversation sees a model: a style that remembers what was asked, and something that replies. Prompts are
// made anew for each member. Knows no policy.
import { ConfigError } from "../errors.js";
import type { OpenedChat } from "../inference/conversation/chat-model.js";
import type { ChatModel, ReplyRequest } from "../inference/conversation/chat-session.js";
import type { ChatPrompt, ChatStyle, ChatStyleOptions, PromptOptions } from "../inference/conversation/chat-style.js";
import type { SamplingDefaults } from "../inference/opening/sampling-defaults.js";
import type { ChatMessage } from "../tokenizer/chat-template.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import type { Mix, MixReply } from "./mix.js";
import { type AskedConversation, conversationQuestion } from "./question.js";

/** A conversation as the first member would get it, and what the others make their prompts of. */
export interface MixPrompt extends ChatPrompt {
  readonly asked: AskedConversation;
}

/** The model of a conversation, which can also be cancelled. */
export interface MixChatModel extends ChatModel {
  reply(request: ReplyRequest): MixReply;
}

/** How a mix is talked to: earlier turns are part of the prompt where every member remembers them. */
export function mixStyle({ members }: Mix, style: ChatStyleOptions = {}): ChatStyle {
  const styles = members.map((member) => member.style(style));
  const [first] = styles;
  return {
    kind: styles.find(({ kind }) => kind !== "conversation")?.kind ?? "conversation",
    remembers: styles.every(({ remembers }) => remembers),
    form: "chat",
    prompt(messages: readonly ChatMessage[], options?: PromptOptions): MixPrompt {
      const { text, ids } = first.prompt(messages, options);
      return { text, ids, startsInside: false, asked: { messages, options, style } };
    },
  };
}

/** A mix as a model. `reply` throws ConfigError for what needs one tokenizer where the members have several. */
export function mixModel(mix: Mix): MixChatModel {
  return {
    maxPositions: Math.min(...mix.members.map(({ maxContext }) => maxContext)),
    reply({ prompt, maxNewTokens, sampling, signal }) {
      if (!("asked" in prompt)) throw new ConfigError("a mix of models answers conversations, not texts to go on with");
      if (sampling.topLogProbs !== undefined) requireOneTokenizer(mix, "log-probabilities of tokens");
      if (sampling.logitBias?.size) requireOneTokenizer(mix, "biases of tokens (logit_bias)");
      // A model's own adapters belong to its members.
      const asking = { sampling: { ...sampling, adapter: undefined }, maxNewTokens };
      return mix.answer(conversationQuestion((prompt as MixPrompt).asked), asking, signal);
    },
  };
}

/** Throws ConfigError where the members read text by different tokenizers. */
export function requireOneTokenizer({ members }: Mix, what: string): void {
  const [first, ...others] = members;
  const other = others.find(({ tokenizer }) => !isSameTokenizer(tokenizer, first.tokenizer));
  if (other)
    throw new ConfigError(
      `${what} need one tokenizer, but the members "${first.name}" and "${other.name}" of this mix have different ones`,
    );
}

const isSameTokenizer = (a: Tokenizer, b: Tokenizer): boolean =>
  a === b || (a.vocabSize === b.vocabSize && JSON.stringify(a.toJSON()) === JSON.stringify(b.toJSON()));

/** A mix as `openForChat` gives a model. The first member's sampling stands for all in what is shown. */
export function mixAsChat(
  mix: Mix,
  label: string,
  warning: string | undefined,
  dispose: () => Promise<void>,
): OpenedChat {
  const [first] = mix.members;
  const defaults: SamplingDefaults = first.defaults;
  return {
    label,
    warning,
    model: mixModel(mix),
    style: (options) => mixStyle(mix, options),
    tokenizer: first.tokenizer,
    adapters: [],
    defaults,
    dispose,
  };
}
