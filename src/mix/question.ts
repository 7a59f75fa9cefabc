// A question that any member can be asked: of a conversation, or of a task. Knows members, no policy.
import type { ChatStyleOptions, PromptOptions } from "../inference/conversation/chat-style.js";
import type { Completion } from "../inference/runtime/request.js";
import { extractAnswer } from "../tasks/grading/extract.js";
import { gradeAnswer } from "../tasks/grading/grade.js";
import type { ChatMessage } from "../tokenizer/chat-template.js";
import type { Member, MemberPrompt } from "./member.js";

/** See the file's head. */
export interface Question {
  /** What is asked, as rules and judges see it. */
  readonly text: string;
  /** The question as a member gets it, with its words changed where a policy adds to them. Throws as `ChatStyle`. */
  prompt(member: Member, change?: (text: string) => string): MemberPrompt;
  /** What of a reply votes; null: nothing. */
  answerOf(completion: Completion): string | null;
  /** Whether two answers are the same. */
  isSame(a: string, b: string): boolean;
  /** Score in 0 … 1, where the task has a verifier. */
  verify?(answer: string): number;
}

/** A conversation and how it is to be put. */
export interface AskedConversation {
  readonly messages: readonly ChatMessage[];
  readonly options?: PromptOptions;
  readonly style?: ChatStyleOptions;
}

/** The last message of a conversation. Answers are the same by their value. */
export function conversationQuestion({ messages, options, style }: AskedConversation): Question {
  const at = messages.findLastIndex(({ role }) => role === "user");
  const text = messages[at]?.content ?? "";
  return {
    text,
    prompt(member, change) {
      const own = member.style(style);
      const asked = change && at >= 0 ? messages.with(at, { ...messages[at], content: change(text) }) : messages;
      return { ...own.prompt(asked, options), form: own.form };
    },
    answerOf: ({ response }) => response.answer ?? announcedAnswer(response.reply),
    isSame: (a, b) => gradeAnswer(a, b).isEqual,
  };
}

/** An answer that a reply marks or announces ("the answer is …"); mere talk has none. */
function announcedAnswer(reply: string): string | null {
  const found = extractAnswer(reply);
  return found && (found.by === "mark" || found.by === "phrase" || found.by === "whole") ? found.text : null;
}
