// The device of a program that chose none: opened when it is first needed.
import { openMachine } from "../tensor/backends/machine.js";
import { hasDefaultDevice } from "../tensor/device.js";

let opening: Promise<unknown> | null = null;

/** Opens the best device of this machine as the default one, unless there is a default already. */
export async function ensureDevice(): Promise<void> {
  if (!hasDefaultDevice()) await (opening ??= openMachine().finally(() => (opening = null)));
}
