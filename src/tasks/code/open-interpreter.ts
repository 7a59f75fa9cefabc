// The interpreter of a language. Knows no program.
import type { Interpreter, InterpreterSettings } from "./interpreter.js";
import { openJavaScript } from "./javascript.js";
import type { ProgramLanguage } from "./program.js";
import { openPython, type PythonImage } from "./python.js";

/** What a thread with an interpreter is started with. */
export interface ThreadSettings extends InterpreterSettings {
  readonly language: ProgramLanguage;
  /** What an earlier thread of this process gave: the next one starts faster by it. */
  readonly image: unknown;
}

/** An interpreter, and what another of its kind starts faster by. */
export interface OpenedInterpreter {
  readonly interpreter: Interpreter;
  readonly image: unknown;
}

/** Opens the interpreter of a language; its package is loaded now. */
export async function openInterpreter(settings: ThreadSettings): Promise<OpenedInterpreter> {
  if (settings.language === "python") return openPython(settings, settings.image as PythonImage | null);
  return { interpreter: await openJavaScript(settings), image: null };
}
