// The thread that programs run in. It never learns what a program is expected to give. Its owner stops it when a
// program does not end; then another serves.
import { answerCalls, givenToThread } from "../../asked-thread.js";
import type { Command, Report } from "./interpreter.js";
import { openInterpreter, type ThreadSettings } from "./open-interpreter.js";

const settings = givenToThread<ThreadSettings>();
const { interpreter, image } = await openInterpreter(settings);
answerCalls((command: Command): Report => interpreter.run(command), image);
