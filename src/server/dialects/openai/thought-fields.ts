// Where a message tells its thought: as DeepSeek and most do, as vLLM does, as both, or in the text itself.
import { THINK_CLOSE, THINK_OPEN } from "../../../tasks/response.js";
import type { ChatRequest } from "./chat-request.js";

/** How thoughts are told. */
export type ThoughtForm = "reasoning_content" | "reasoning" | "both" | "raw";

/** The form that a request asks for. */
export function thoughtForm({ reasoning_format: form }: Pick<ChatRequest, "reasoning_format">): ThoughtForm {
  if (form === "none") return "raw";
  return form === undefined || form === "deepseek" || form === "auto" ? "reasoning_content" : form;
}

/** The fields of a thought in a form that is not raw. */
export const thoughtAs = (form: ThoughtForm, text: string | null) => ({
  ...(form !== "reasoning" && { reasoning_content: text }),
  ...(form !== "reasoning_content" && { reasoning: text }),
});

/** Content and thought of a whole message; no thought, no field. */
export function thoughtFields(body: Pick<ChatRequest, "reasoning_format">, thought: string, content: string | null) {
  const form = thoughtForm(body);
  if (thought === "") return { content };
  if (form === "raw") return { content: `${THINK_OPEN}\n${thought}\n${THINK_CLOSE}\n\n${content ?? ""}` };
  return { content, ...thoughtAs(form, thought) };
}
