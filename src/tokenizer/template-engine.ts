// Runs a Jinja template that others wrote: within a budget of steps and of memory, and within time. The language is the
// kept library's. Does not know what templates are for.
import { Environment, Interpreter, parse, tokenize } from "@huggingface/jinja";
import { DataError } from "../errors.js";
import { withinTime } from "../time-limit.js";
import { pythonText, type TemplateValue } from "./python-text.js";

/** Steps of a rendering: published templates take some 250 a message of 2,000 characters. */
const MAX_STEPS = 3_000_000;
/** Steps that an element of a list counts for, since a loop over it keeps a scope for each. */
const STEPS_PER_ELEMENT = 10;
/** Characters of a text that count for a step. */
const CHARACTERS_PER_STEP = 100;
/** The longest text, intermediate ones included. */
const MAX_CHARACTERS = 64 << 20;
const LIMIT_MS = 5000;
/** Longest source: published templates have up to 30,000 characters. */
const MAX_SOURCE = 1 << 20;

type Value = TemplateValue;
interface FilterNode {
  readonly type: string;
  readonly value?: unknown;
}
/** The library's own types do not resolve as its package is made. */
const LibraryInterpreter = Interpreter as unknown as new (
  environment: Environment,
) => {
  evaluate(statement: unknown, environment: unknown): Value;
  applyFilter(operand: Value, filter: FilterNode, environment: unknown): Value;
  run(program: unknown): Value;
};

/** An interpreter that counts what it does. */
class CountingInterpreter extends LibraryInterpreter {
  private steps = 0;

  override evaluate(statement: unknown, environment: unknown): Value {
    this.count(1);
    const result = super.evaluate(statement, environment);
    const { value } = result;
    if (typeof value === "string") {
      if (value.length > MAX_CHARACTERS) throw tooMuch(`a text of more than ${MAX_CHARACTERS} characters`);
      this.count(value.length / CHARACTERS_PER_STEP);
    } else if (Array.isArray(value)) this.count(value.length * STEPS_PER_ELEMENT);
    return result;
  }

  /** Python's text of lists and dictionaries, which the library lacks or writes as JSON. */
  override applyFilter(operand: Value, filter: FilterNode, environment: unknown): Value {
    const isText = filter.type === "Identifier" && filter.value === "string";
    if (isText && (operand.value instanceof Map || Array.isArray(operand.value)))
      return new Environment().set("text", pythonText(operand)) as Value;
    return super.applyFilter(operand, filter, environment);
  }

  private count(steps: number): void {
    this.steps += steps;
    if (this.steps > MAX_STEPS) throw tooMuch(`more than ${MAX_STEPS} steps`);
  }
}

const tooMuch = (what: string): DataError =>
  new DataError(`the model's chat template was stopped: it takes ${what}, more than any conversation needs`);

/** A parsed template. */
export class BudgetedTemplate {
  private readonly program: ReturnType<typeof parse>;

  /** Throws what the library says of a source that is no template. */
  constructor(source: string) {
    if (source.length > MAX_SOURCE) throw tooMuch(`${source.length} characters itself`);
    this.program = inTime(() => parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true })));
  }

  /**
   * The text for these variables. Throws DataError when the budget is spent, else what the template or the library
   * raises.
   */
  render(variables: Readonly<Record<string, unknown>>): string {
    const environment = new Environment();
    for (const [name, value] of Object.entries({ ...GLOBALS, ...variables })) environment.set(name, value);
    return inTime(() => String(new CountingInterpreter(environment).run(this.program).value));
  }
}

const inTime = <R>(body: () => R): R =>
  withinTime(LIMIT_MS, body, () => tooMuch(`longer than ${LIMIT_MS / 1000} seconds`));

/** What every template may use, as in the library and in `transformers`. */
const GLOBALS: Readonly<Record<string, unknown>> = {
  ...{ true: true, True: true, false: false, False: false, none: null, None: null },
  raise_exception(message: string): never {
    throw new Error(message);
  },
  range,
  strftime_now,
};

/** Python's range; one longer than the budget is refused before it is made. */
function range(first: number, second?: number, step = 1): number[] {
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  if (step === 0) throw new Error("range() step must not be zero");
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (!(length * STEPS_PER_ELEMENT <= MAX_STEPS)) throw tooMuch(`a range of ${length} numbers`);
  return Array.from({ length }, (_, i) => start + i * step);
}

const two = (n: number): string => String(n).padStart(2, "0");

/** The present time by Python's codes %Y %m %d %b %B %H %M. */
function strftime_now(format: string): string {
  const now = new Date();
  const month = (style: "short" | "long") => new Intl.DateTimeFormat("en-US", { month: style }).format(now);
  const parts: Readonly<Record<string, () => string>> = {
    ...{ Y: () => String(now.getFullYear()), m: () => two(now.getMonth() + 1), d: () => two(now.getDate()) },
    ...{
      b: () => month("short"),
      B: () => month("long"),
      H: () => two(now.getHours()),
      M: () => two(now.getMinutes()),
      "%": () => "%",
    },
  };
  return format.replaceAll(/%([YmdbBHM%])/g, (_, code: string) => parts[code]());
}
