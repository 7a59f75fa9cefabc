// How a model is sampled when nothing is asked for: as its generation_config.json says, else as its makers advise.
// Knows no model's weights.
import type { Tokenizer } from "../../tokenizer/tokenizer.js";

/** Temperature and cuts. */
export interface SamplingDefaults {
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
}

/**
 * DeepSeek's advice for R1 and its distills (deepseek-ai/DeepSeek-R1, README, usage recommendations): without it they
 * tend to repeat themselves.
 */
const R1_ADVICE: SamplingDefaults = { temperature: 0.6, topP: 0.95, topK: 0 };
const PLAIN: SamplingDefaults = { temperature: 1, topP: 1, topK: 0 };

/** The defaults of a model with this generation_config.json (perhaps empty) and tokenizer. */
export function samplingDefaults(
  generation: Readonly<Record<string, unknown>>,
  tokenizer: Tokenizer,
): SamplingDefaults {
  const advice = isR1Family(tokenizer) ? R1_ADVICE : PLAIN;
  // vLLM writes top_k −1 for none.
  const own = (key: string, otherwise: number): number =>
    typeof generation[key] === "number" ? (generation[key] as number) : otherwise;
  const temperature =
    generation.do_sample === false && generation.temperature === undefined ? 0 : own("temperature", advice.temperature);
  return { temperature, topP: own("top_p", advice.topP), topK: Math.max(0, own("top_k", advice.topK)) };
}

/** DeepSeek's assistant token, and a template that knows of thinking: R1 and its distills, not V3. */
function isR1Family(tokenizer: Tokenizer): boolean {
  const template = JSON.stringify(tokenizer.config?.chat_template ?? "");
  return tokenizer.tokenId("<｜Assistant｜>") !== undefined && template.includes("</think>");
}
