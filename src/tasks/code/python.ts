// Python programs in Pyodide, CPython compiled to WebAssembly. The interpreter's memory is kept as it was before the
// first program, and put back before each: no program finds what another left. Knows no tests.
import { constants, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import {
  type Command,
  type Interpreter,
  type InterpreterSettings,
  Output,
  type Raised,
  type Report,
} from "./interpreter.js";
import { PROGRAM_DEVICE, PYTHON_DRIVER } from "./python-driver.js";
import { Closed, ImportGate } from "./python-imports.js";
import { type WasmImports, type WasmInstance, type WasmModule, wasm } from "./web-assembly.js";

/** What the next interpreter of this process starts faster by. */
export interface PythonImage {
  readonly module: WasmModule;
  readonly snapshot: Uint8Array;
}

/** An open file. */
interface Stream {
  fd: number;
  flags: number;
}
/** The part of Emscripten's file system that is used. */
interface FileSystem {
  readonly streams: (Stream | null)[];
  currentPath: string;
  close(stream: object): void;
  makedev(major: number, minor: number): number;
  registerDevice(device: number, operations: object): void;
  mkdev(path: string, device: number): void;
}
/** The part of Pyodide's Emscripten module that is used; names with `_` are functions of C, over pointers. */
interface PythonModule {
  readonly HEAPU8: Uint8Array;
  readonly FS: FileSystem;
  stringToNewUTF8(text: string): number;
  UTF8ToString(pointer: number): string;
  stackSave(): number;
  stackRestore(pointer: number): void;
  _free(pointer: number): void;
  _PyRun_SimpleStringFlags(code: number, flags: number): number;
  _PyImport_AddModule(name: number): number;
  _PyObject_GetAttrString(object: number, name: number): number;
  _PyUnicode_FromString(text: number): number;
  _PyObject_CallOneArg(callable: number, argument: number): number;
  _PyUnicode_AsUTF8(text: number): number;
}
/** The part of Pyodide's own interface that is used. */
interface Pyodide {
  readonly _module: PythonModule;
  makeMemorySnapshot(): Uint8Array;
  setInterruptBuffer(buffer: Uint8Array): void;
  setStdin(options: { read(buffer: Uint8Array): number }): void;
  setStdout(options: { write(buffer: Uint8Array): number }): void;
  setStderr(options: { write(buffer: Uint8Array): number }): void;
}
type CreateModule = (settings: object) => Promise<object>;

/** What an interpreter starts with, and how. */
interface Startup {
  readonly pyodide: Pyodide;
  readonly gate: ImportGate;
  readonly image: PythonImage;
}

/** Opens the interpreter; faster with what an earlier one gave. @throws Error where Pyodide is not installed */
export async function openPython(
  settings: InterpreterSettings,
  image: PythonImage | null,
): Promise<{ readonly interpreter: Interpreter; readonly image: PythonImage }> {
  const started = await start(settings, image);
  return { interpreter: new PythonInterpreter(started, settings), image: started.image };
}

/** An image whose memory lies in a file. */
export async function readPythonImage(file: string): Promise<PythonImage> {
  return { module: await compilePython(pyodideFolder()), snapshot: shared(readFileSync(file)) };
}

const compilePython = (folder: string): Promise<WasmModule> =>
  wasm.compile(readFileSync(join(folder, "pyodide.asm.wasm")));

async function start(settings: InterpreterSettings, image: PythonImage | null): Promise<Startup> {
  const folder = pyodideFolder();
  // Pyodide asks for the constants of the file system in a way that a restricted process refuses.
  Object.assign(process, { binding: () => ({ fs: constants }) });
  const module = image?.module ?? (await compilePython(folder));
  let created: { HEAPU8?: Uint8Array } = {};
  const gate = new ImportGate(settings.memoryBytes, () => created.HEAPU8!);
  const { default: create } = (await import(join(folder, "pyodide.asm.mjs"))) as { default: CreateModule };
  const createPyodideModule = (options: object) => {
    created = { ...options, instantiateWasm: instantiator(module, gate) } as object;
    return create(created);
  };
  const { loadPyodide } = (await import(join(folder, "pyodide.mjs"))) as {
    loadPyodide: (options: object) => Promise<Pyodide>;
  };
  const { info } = JSON.parse(readFileSync(join(folder, "pyodide-lock.json"), "utf8"));
  const pyodide = await loadPyodide({
    createPyodideModule,
    jsglobals: {},
    lockFileContents: { info, packages: {} },
    env: { PYTHONHASHSEED: "0" },
    ...(image ? { _loadSnapshot: image.snapshot } : { _makeSnapshot: true }),
  });
  return { pyodide, gate, image: image ?? { module, snapshot: shared(pyodide.makeMemorySnapshot()) } };
}

function pyodideFolder(): string {
  try {
    return dirname(createRequire(import.meta.url).resolve("pyodide/package.json"));
  } catch {
    throw new Error("it needs the package pyodide: npm install pyodide");
  }
}

/** What Emscripten calls to get its instance: ours, with the gate around its imports. */
const instantiator = (module: WasmModule, gate: ImportGate) => {
  const errorMark = Symbol("error");
  return (imports: WasmImports, receive: (instance: WasmInstance, module: WasmModule) => void) => {
    imports.env.Jsv_GetError_import = () => errorMark;
    imports.env.JsvError_Check = (value: unknown) => value === errorMark;
    void wasm.instantiate(module, gate.around(imports)).then((instance) => receive(instance, module));
    return {};
  };
};

/** Bytes that threads share, so that handing them on copies nothing. */
function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

class PythonInterpreter implements Interpreter {
  readonly #python: PythonModule;
  readonly #gate: ImportGate;
  readonly #settings: InterpreterSettings;
  readonly #output: Output;
  /** The driver's function `run`: an object in the interpreter's memory. */
  readonly #run: number;
  /** The memory before the first program, and where its stack was. */
  readonly #memory: Uint8Array;
  readonly #stack: number;
  readonly #streams: readonly (Stream & { readonly stream: Stream })[];
  readonly #home: string;
  #input: Uint8Array = new Uint8Array(0);

  constructor({ pyodide, gate }: Startup, settings: InterpreterSettings) {
    this.#python = pyodide._module;
    this.#gate = gate;
    this.#settings = settings;
    this.#output = new Output(settings.outputBytes);
    this.#connect(pyodide);
    this.#run = this.#startDriver();
    this.#stack = this.#python.stackSave();
    this.#memory = this.#python.HEAPU8.slice();
    this.#streams = this.#python.FS.streams
      .filter((stream) => stream !== null)
      .map((stream) => ({ stream, fd: stream.fd, flags: stream.flags }));
    this.#home = this.#python.FS.currentPath;
    gate.isSealed = true;
  }

  run(command: Command): Report {
    try {
      if (command.do !== "call") this.#restore();
      this.#input = Buffer.from(command.do === "main" ? command.input : "");
      this.#gate.isStarved = false;
      return this.#report(this.#perform(JSON.stringify(command)));
    } catch (error) {
      const end = error instanceof Closed ? "raised" : this.#gate.isStarved ? "memory" : "broken";
      const { name, message } = error as Error;
      return { end, output: this.#output.take(), value: "", raised: { name, message } };
    }
  }

  #report({ value = "", raised = null }: { value?: string; raised?: Raised | null }): Report {
    const isFlooded = this.#output.isFlooded || value.length > this.#settings.outputBytes;
    const isStarved = raised?.name === "MemoryError" || (raised && this.#gate.isStarved);
    const end = isFlooded ? "output" : isStarved ? "memory" : raised ? "raised" : "done";
    return { end, output: this.#output.take(), value: isFlooded ? "" : value, raised };
  }

  #perform(command: string): { value?: string; raised?: Raised } {
    const python = this.#python;
    const text = this.#withText(command, (pointer) => python._PyUnicode_FromString(pointer));
    const reply = python._PyObject_CallOneArg(this.#run, text);
    if (reply === 0) throw new Error("the driver failed");
    return JSON.parse(python.UTF8ToString(python._PyUnicode_AsUTF8(reply)));
  }

  #withText(text: string, use: (pointer: number) => number): number {
    const pointer = this.#python.stringToNewUTF8(text);
    const result = use(pointer);
    this.#python._free(pointer);
    return result;
  }

  #startDriver(): number {
    const python = this.#python;
    const failed = this.#withText(PYTHON_DRIVER, (pointer) => python._PyRun_SimpleStringFlags(pointer, 0));
    if (failed !== 0) throw new Error("the driver cannot be run");
    const main = this.#withText("__main__", (pointer) => python._PyImport_AddModule(pointer));
    return this.#withText("run", (pointer) => python._PyObject_GetAttrString(main, pointer));
  }

  /** Puts the interpreter back to before the first program: its memory, its stack, its open files. */
  #restore(): void {
    const { FS: files, HEAPU8: memory } = this.#python;
    memory.set(this.#memory);
    memory.fill(0, this.#memory.length);
    this.#python.stackRestore(this.#stack);
    const own = new Set(this.#streams.map(({ stream }) => stream));
    for (const stream of [...files.streams]) if (stream && !own.has(stream)) files.close(stream);
    for (const { stream, fd, flags } of this.#streams) files.streams[fd] = Object.assign(stream, { fd, flags });
    files.currentPath = this.#home;
    this.#gate.restartRandomness();
  }

  #connect(pyodide: Pyodide): void {
    const { interrupt, callProgram } = this.#settings;
    pyodide.setInterruptBuffer(interrupt);
    pyodide.setStdin({ read: (buffer) => this.#read(buffer) });
    pyodide.setStdout({ write: (bytes) => this.#write(bytes) });
    pyodide.setStderr({ write: (bytes) => bytes.length });
    if (callProgram) this.#makeDevice(callProgram);
  }

  #read(buffer: Uint8Array): number {
    const piece = this.#input.subarray(0, buffer.length);
    buffer.set(piece);
    this.#input = this.#input.subarray(piece.length);
    return piece.length;
  }

  #write(bytes: Uint8Array): number {
    this.#output.write(bytes);
    if (this.#output.isFlooded) Atomics.store(this.#settings.interrupt, 0, 2);
    return bytes.length;
  }

  /** A file: what is written to it is a call of the program, what is read from it is what came of the call. */
  #makeDevice(callProgram: (call: string) => string): void {
    const { FS: files } = this.#python;
    let reply: Uint8Array = new Uint8Array(0);
    const device = files.makedev(64, 0);
    files.registerDevice(device, {
      write(_stream: object, buffer: Uint8Array, offset: number, length: number) {
        reply = Buffer.from(callProgram(Buffer.from(buffer.subarray(offset, offset + length)).toString()));
        return length;
      },
      read(_stream: object, buffer: Uint8Array, offset: number, length: number) {
        const piece = reply.subarray(0, length);
        buffer.set(piece, offset);
        reply = reply.subarray(piece.length);
        return piece.length;
      },
    });
    files.mkdev(PROGRAM_DEVICE, device);
  }
}
