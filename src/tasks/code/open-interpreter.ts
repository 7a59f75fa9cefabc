// The interpreter of a language. Knows no program.
import type { Interpreter, InterpreterSettings } from "./interpreter.js";
import { openJavaScript } from "./javascript.js";
import type { ProgramLanguage } from "./program.js";
import { openPython, type PythonImage, readPythonImage } from "./python.js";

/** What a thread with an interpreter is started with. */
export interface ThreadSettings extends InterpreterSettings {
  readonly language: ProgramLanguage;
  /** A file that the language's interpreter starts faster by. */
  readonly imageFile: string | null;
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
  const { language, image, imageFile } = settings;
  if (language === "python")
    return openPython(settings, (image as PythonImage | null) ?? (imageFile ? await readPythonImage(imageFile) : null));
  return { interpreter: await openJavaScript(settings), image: null };
}
