// How hard a model shall think, by the names that clients give it. Knows no wire format.
import type { ChatTask } from "./task.js";

/** Efforts with the tokens of thinking that each allows; null: no bound. */
export const EFFORTS = {
  none: 0,
  minimal: 512,
  low: 2048,
  medium: 8192,
  high: null,
  xhigh: null,
  ultra: null,
  max: null,
} as const;
/** One of them. */
export type Effort = keyof typeof EFFORTS;

/**
 * What an effort and a switch mean for a task: the template is told of the effort, and the thought is bounded or
 * switched off. Where both are given, the switch says whether the model thinks.
 */
export function thinkingByEffort(
  effort: Effort | undefined,
  isOn?: boolean,
): Pick<ChatTask, "thinks" | "variables"> & { readonly thinkBudget?: number } {
  if (effort === undefined || (effort === "none" && isOn)) return { thinks: isOn };
  const variables = { reasoning_effort: effort };
  if (effort === "none") return { thinks: false, variables };
  return { thinks: isOn, variables, thinkBudget: EFFORTS[effort] ?? undefined };
}
