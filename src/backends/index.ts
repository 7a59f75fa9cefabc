// What `luciole/backends` offers: the devices of this machine, the reference, and shapes to plan with.
export { type Machine, machineOf, openMachine } from "./machine.js";
export { createNativeBackend, type NativeBackend, type NativeOptions } from "./native/backend.js";
export { type Isa, supportedIsas } from "./native/cpu.js";
export { availableIsas } from "./native/kernel-files.js";
export { type OpenOptions, openBackend } from "./open.js";
export { createReferenceBackend } from "./reference.js";
export { createShapesDevice } from "./shapes.js";
