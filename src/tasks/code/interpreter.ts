// What an interpreter is asked to do, and what it says. Both languages have the same commands. Knows neither.

/** Runs the whole program: a new interpreter's state, an input, an output. */
export interface MainCommand {
  readonly do: "main";
  readonly program: string;
  readonly input: string;
}
/** Defines what the program defines, in a new state, for calls. The report's value lists its functions. */
export interface LoadCommand {
  readonly do: "load";
  readonly program: string;
}
/**
 * Calls a function of the loaded program. `json`: an argument per line, and the result in JSON. `plain`: positional and
 * named arguments in the encoding that keeps all plain values of the language apart.
 */
export interface CallCommand {
  readonly do: "call";
  readonly function: string;
  readonly arguments: string;
  readonly form: "json" | "plain";
}
/** Runs a piece of test code in a new state, in which `names` call the program. */
export interface CheckCommand {
  readonly do: "check";
  readonly code: string;
  readonly function: string | null;
  readonly names: readonly string[];
}
/** One command. */
export type Command = MainCommand | LoadCommand | CallCommand | CheckCommand;

/** What was raised. */
export interface Raised {
  /** The class of the error. */
  readonly name: string;
  readonly message: string;
}

/** What came of a command. */
export interface Report {
  /** `broken`: the interpreter itself failed, and serves no longer. */
  readonly end: "done" | "raised" | "memory" | "output" | "broken";
  /** What was written to the standard output. */
  readonly output: string;
  /** The result of a call, or the names of a program's functions as a JSON list. */
  readonly value: string;
  readonly raised: Raised | null;
}

/** What an interpreter is opened with. */
export interface InterpreterSettings {
  readonly memoryBytes: number;
  readonly outputBytes: number;
  /** Of the interpreter's stack. */
  readonly stackBytes: number;
  /** One byte: where it is not 0, what runs is interrupted. */
  readonly interrupt: Uint8Array;
  /** Calls the program, for test code: a text goes out and one comes back. */
  readonly callProgram?: (call: string) => string;
}

/** One interpreter. */
export interface Interpreter {
  run(command: Command): Report;
}

/** Gathers what a program writes, up to a limit. */
export class Output {
  readonly #limitBytes: number;
  #chunks: Uint8Array[] = [];
  #numBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Whether more was written than is kept. */
  get isFlooded(): boolean {
    return this.#numBytes > this.#limitBytes;
  }

  write(bytes: Uint8Array): void {
    if (!this.isFlooded) this.#chunks.push(bytes.slice());
    this.#numBytes += bytes.length;
  }

  /** All of it; what follows begins anew. */
  take(): string {
    const text = new TextDecoder().decode(Buffer.concat(this.#chunks));
    this.#chunks = [];
    this.#numBytes = 0;
    return text;
  }
}
