// The machine of a program that chose none: opened when it is first needed.
import { type Machine, machineOf, openMachine } from "../backends/machine.js";
import { defaultDevice, hasDefaultDevice } from "../tensor/device.js";

let opening: Promise<Machine> | null = null;

/** The machine of the default device; where there is none yet, the best one of this machine becomes it. */
export async function ensureMachine(): Promise<Machine> {
  if (hasDefaultDevice()) return machineOf(defaultDevice());
  opening ??= openMachine().finally(() => {
    opening = null;
  });
  return opening;
}
