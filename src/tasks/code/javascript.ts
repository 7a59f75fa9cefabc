// JavaScript programs in QuickJS: a runtime of its own for each program, which has no file system, network or
// environment, since nobody gave it any. Knows no tests.
import type {
  QuickJSContext,
  QuickJSHandle,
  QuickJSRuntime,
  QuickJSSyncVariant,
  QuickJSWASMModule,
} from "quickjs-emscripten-core";
import {
  type Command,
  type Interpreter,
  type InterpreterSettings,
  Output,
  type Raised,
  type Report,
} from "./interpreter.js";
import { JAVASCRIPT_DRIVER } from "./javascript-driver.js";
import { wasm } from "./web-assembly.js";

/** How a program ends that says that all is well. */
const EXIT_WELL = "exit code 0";

const PAGE_BYTES = 65536;
/** Memory that the module begins with. */
const INITIAL_BYTES = 16 * 2 ** 20;

/** A runtime and the driver's functions in it. */
interface Session {
  readonly runtime: QuickJSRuntime;
  readonly context: QuickJSContext;
  readonly prepare: QuickJSHandle;
  readonly run: QuickJSHandle;
  readonly next: QuickJSHandle;
  readonly handles: readonly QuickJSHandle[];
}
/** What the driver says. */
interface Said {
  readonly value?: string;
  readonly raised?: Raised;
  readonly more?: boolean;
}

/** Opens the interpreter. */
export async function openJavaScript(settings: InterpreterSettings): Promise<Interpreter> {
  const { newQuickJSWASMModuleFromVariant, newVariant } = await import("quickjs-emscripten-core");
  const { default: variant } = await import("@jitl/quickjs-ng-wasmfile-release-sync");
  // The runtime's own limit counts nothing in this build; the memory of the module cannot grow beyond its maximum.
  const wasmMemory = new wasm.Memory({
    ...{ initial: INITIAL_BYTES / PAGE_BYTES, maximum: settings.memoryBytes / PAGE_BYTES },
  });
  const bounded = newVariant(variant as unknown as QuickJSSyncVariant, { wasmMemory });
  return new JavaScriptInterpreter(await newQuickJSWASMModuleFromVariant(bounded), settings);
}

class JavaScriptInterpreter implements Interpreter {
  readonly #module: QuickJSWASMModule;
  readonly #settings: InterpreterSettings;
  readonly #output: Output;
  #session: Session | undefined;

  constructor(module: QuickJSWASMModule, settings: InterpreterSettings) {
    this.#module = module;
    this.#settings = settings;
    this.#output = new Output(settings.outputBytes);
  }

  run(command: Command): Report {
    try {
      if (command.do !== "call") this.#renew();
      const said = this.#settle(this.#perform(command), command.do === "main");
      return this.#report(said);
    } catch (error) {
      this.#session = undefined;
      const raised = { name: "Error", message: String((error as Error)?.message ?? error) };
      return { end: "broken", output: this.#output.take(), value: "", raised };
    }
  }

  #perform(command: Command): Said {
    const { context, prepare, run } = this.#session!;
    const text = JSON.stringify(command);
    this.#say(prepare, text);
    const code = command.do === "check" ? command.code : command.do === "call" ? null : command.program;
    // As a script of its own, so that what it declares stays for the calls.
    const result = code === null ? null : context.evalCode(code, "program.js", { type: "global", strict: false });
    if (result?.error) return { raised: this.#raisedBy(result.error) };
    result?.value.dispose();
    return this.#say(run, text);
  }

  #report({ value = "", raised }: Said): Report {
    const isFlooded = this.#output.isFlooded || value.length > this.#settings.outputBytes;
    const isStarved = raised?.message.includes("out of memory");
    const end = isFlooded ? "output" : isStarved ? "memory" : raised ? "raised" : "done";
    return { end, output: this.#output.take(), value: isFlooded ? "" : value, raised: raised ?? null };
  }

  /** Runs what the program left to do later; the first error ends it. A whole program may end itself well. */
  #settle(said: Said, isMain: boolean): Said {
    const { runtime, next } = this.#session!;
    for (let latest = said; ; ) {
      if (latest.raised) return isMain && latest.raised.message === EXIT_WELL ? { value: "" } : latest;
      const jobs = runtime.executePendingJobs();
      if (jobs.error) {
        const raised = this.#raisedBy(jobs.error);
        return isMain && raised.message === EXIT_WELL ? said : { raised };
      }
      jobs.dispose();
      if (!isMain) return said;
      latest = this.#say(next, "");
      if (latest.more === false) return said;
    }
  }

  #say(what: QuickJSHandle, text: string): Said {
    const { context } = this.#session!;
    const argument = context.newString(text);
    const result = context.callFunction(what, context.undefined, argument);
    argument.dispose();
    if (result.error) return { raised: this.#raisedBy(result.error) };
    const said = JSON.parse(context.getString(result.value));
    result.value.dispose();
    return said;
  }

  #raisedBy(handle: QuickJSHandle): Raised {
    const error = this.#session!.context.dump(handle);
    handle.dispose();
    if (typeof error?.code === "number") return { name: "exit", message: `exit code ${error.code}` };
    return { name: String(error?.name ?? "Error"), message: String(error?.message ?? error) };
  }

  #renew(): void {
    this.#close();
    const runtime = this.#module.newRuntime();
    runtime.setMaxStackSize(this.#settings.stackBytes);
    runtime.setInterruptHandler(() => Atomics.load(this.#settings.interrupt, 0) !== 0);
    const context = runtime.newContext();
    const driver = context.unwrapResult(context.evalCode(JAVASCRIPT_DRIVER, "driver.js"));
    const write = context.newFunction("write", (number, text) => this.#write(context, number, text));
    const call = context.newFunction("callProgram", (text) =>
      context.newString(this.#settings.callProgram?.(context.getString(text)) ?? ""),
    );
    const functions = context.unwrapResult(context.callFunction(driver, context.undefined, write, call));
    const [prepare, run, next] = ["prepare", "run", "next"].map((name) => context.getProp(functions, name));
    const handles = [driver, write, call, functions, prepare, run, next];
    this.#session = { runtime, context, prepare, run, next, handles };
  }

  #write(context: QuickJSContext, number: QuickJSHandle, text: QuickJSHandle): void {
    if (context.getNumber(number) === 1) this.#output.write(new TextEncoder().encode(context.getString(text)));
    if (this.#output.isFlooded) Atomics.store(this.#settings.interrupt, 0, 2);
  }

  #close(): void {
    if (!this.#session) return;
    const { runtime, context, handles } = this.#session;
    this.#session = undefined;
    for (const handle of handles) handle.dispose();
    context.dispose();
    runtime.dispose();
  }
}
