// Where a message tells its thought: as DeepSeek and most do, as vLLM does, as both, in the text itself, or not at all.
import type { TokenEvent } from "../../../inference/index.js";
import { THINK_CLOSE, THINK_OPEN } from "../../../tasks/response.js";
import type { ChatRequest } from "./chat-request.js";

/** How thoughts are told. */
export type ThoughtForm = "reasoning_content" | "reasoning" | "both" | "raw" | "hidden";

type FormFields = Pick<ChatRequest, "reasoning_format" | "reasoning" | "include_reasoning">;

/** The form that a request asks for. */
export function thoughtForm({ reasoning_format: form, reasoning, include_reasoning: isTold }: FormFields): ThoughtForm {
  if (reasoning?.exclude || isTold === false) return "hidden";
  if (form === "none") return "raw";
  return form === undefined || form === "deepseek" || form === "auto" ? "reasoning_content" : form;
}

/** The fields of a thought in a form that is not raw. */
export const thoughtAs = (form: ThoughtForm, text: string | null) => ({
  ...((form === "reasoning_content" || form === "both") && { reasoning_content: text }),
  ...((form === "reasoning" || form === "both") && { reasoning: text }),
});

/** The tokens that a reply in this form tells of. */
export const tokensToldIn = (form: ThoughtForm, tokens: readonly TokenEvent[]): readonly TokenEvent[] =>
  form === "hidden" ? tokens.filter(({ part }) => part !== "thought") : tokens;

/** Content and thought of a whole message; no thought, no field. */
export function thoughtFields(body: FormFields, thought: string, content: string | null) {
  const form = thoughtForm(body);
  if (thought === "") return { content };
  if (form === "raw") return { content: `${THINK_OPEN}\n${thought}\n${THINK_CLOSE}\n\n${content ?? ""}` };
  return { content, ...thoughtAs(form, thought) };
}
