// A run's metrics for TensorBoard: one event file in the run's folder `tensorboard`, always what metrics.jsonl holds.
import { appendFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeDirectory } from "../atomic-file.js";
import { eventRecord, fileHeader } from "./event-file.js";
import { type FollowedRun, figuresOf, type MetricsFollower, type MetricsLog } from "./metrics-log.js";
import type { MetricsRecord } from "./records.js";

const secondsOf = ({ time }: MetricsRecord): number => (time === undefined ? Date.now() : Date.parse(time)) / 1000;

const recordOf = (line: MetricsRecord): Buffer =>
  eventRecord({ seconds: secondsOf(line), step: line.step, scalars: figuresOf(line) });

/** Writes event files. A run that goes on begins a new one with the lines up to its checkpoint, in place of the old. */
export const tensorboardLog: MetricsLog = {
  begin({ path, past, notice }: FollowedRun): MetricsFollower {
    const folder = join(path, "tensorboard");
    makeDirectory(folder);
    for (const name of readdirSync(folder)) if (name.includes("tfevents")) rmSync(join(folder, name));
    const seconds = past.length > 0 ? secondsOf(past[0]) : Date.now() / 1000;
    const file = join(folder, `events.out.tfevents.${Math.floor(Date.now() / 1000)}.luciole`);
    writeFileSync(file, Buffer.concat([fileHeader(seconds), ...past.map(recordOf)]));
    let isBroken = false;
    return {
      take(line) {
        try {
          if (!isBroken) appendFileSync(file, recordOf(line));
        } catch (error) {
          isBroken = true;
          notice(`${file}: ${(error as Error).message}; the run goes on without TensorBoard's log`);
        }
      },
      close: async () => {},
    };
  },
};
