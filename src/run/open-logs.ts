// The logs of other programs, by name.
import { ConfigError, didYouMean } from "../errors.js";
import type { MetricsLog } from "./metrics-log.js";
import { tensorboardLog } from "./tensorboard.js";
import { wandbLog } from "./wandb.js";

/** Programs that can follow a run: TensorBoard, and Weights & Biases. */
export const LOG_NAMES = ["tensorboard", "wandb"] as const;
/** One of them. */
export type LogName = (typeof LOG_NAMES)[number];

/** The logs of that name. Throws ConfigError for an unknown one, and where a program's package is not installed. */
export function openLogs(names: readonly string[] = []): Promise<MetricsLog[]> {
  return Promise.all(
    [...new Set(names)].map(async (name) => {
      if (name === "tensorboard") return tensorboardLog;
      if (name === "wandb") return await wandbLog();
      throw new ConfigError(`--log ${name}: expected ${LOG_NAMES.join(" or ")}${didYouMean(name, LOG_NAMES)}`);
    }),
  );
}
