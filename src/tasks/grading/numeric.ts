// Values of formulas to many digits, at random points where they hold variables: what is equal at all of them is
// probably the same. Complex numbers as pairs; unknown functions get a value that depends on their arguments alone.
import { Decimal } from "decimal.js";
import { hashString, Random } from "../../random.js";
import { type Formula, isConstant, some } from "./formula.js";

const DIGITS = 50;
const MAX_POINTS = 32;
const ENOUGH_POINTS = 6;
/** Largest exponent of ten that is computed with. */
const MAX_MAGNITUDE = 20_000;

/** Whether two formulas have the same value to 40 digits, everywhere that was looked; null where they have none. */
export function probablyEqual(a: Formula, b: Formula): boolean | null {
  const names = [...new Set([...symbolsOf(a), ...symbolsOf(b)])].sort();
  const isComplex = [a, b].some((formula) => some(formula, (part) => part.kind === "symbol" && part.name === "i"));
  const random = new Random(hashString(names.join(" "))).fork("points");
  let numEqual = 0;
  for (let point = 0; point < MAX_POINTS; point++) {
    const places = new Map(names.map((name) => [name, place(random, point)]));
    const equal = equalAt(a, b, places, isComplex || names.length === 0);
    if (equal === false) return false;
    if (equal && (names.length === 0 || ++numEqual === ENOUGH_POINTS)) return true;
    if (names.length === 0) return null;
  }
  return null;
}

/** How far a decimal is from a constant, in units of its last place; NaN where the formula has no real value. */
export function unitsOff(decimal: Formula & { readonly kind: "number" }, formula: Formula): number {
  const [value, written] = [formula, decimal].map((each) => valueAt(each, new Map(), DIGITS));
  if (!value || !written || !isReal(value)) return Number.NaN;
  return value.re
    .minus(written.re)
    .abs()
    .times(new Decimal(10).pow(decimal.places ?? 0))
    .toNumber();
}

function symbolsOf(formula: Formula): string[] {
  const names: string[] = [];
  some(formula, (part) => {
    if (part.kind === "symbol" && !isConstant(part.name)) names.push(part.name);
    return false;
  });
  return names;
}

const RANGES = [
  [0.1, 0.9],
  [1, 4],
  [-0.9, -0.1],
  [-4, -1],
  [4, 30],
];

/** Two points are positive, two negative, the others lie anywhere. */
function place(random: Random, point: number): Decimal {
  const [low, high] = RANGES[point < 4 ? point : random.below(RANGES.length)];
  return new Decimal(low + (random.below(99_991) / 99_991) * (high - low));
}

/** null where one of them has no value, or none that is real and both should. */
function equalAt(a: Formula, b: Formula, places: ReadonlyMap<string, Decimal>, mayBeComplex: boolean): boolean | null {
  const [x, y] = [valueAt(a, places, DIGITS), valueAt(b, places, DIGITS)];
  if (!x || !y || (!mayBeComplex && !(isReal(x) && isReal(y)))) return null;
  const distance = subtract(x, y);
  const scale = Decimal.max(size(x), size(y));
  if (size(distance).lte(scale.times("1e-40"))) return true;
  if (size(distance).gt(scale.times("1e-9"))) return false;
  // What is zero shrinks with every digit more; a small difference does not.
  const [finerX, finerY] = [valueAt(a, places, 2 * DIGITS), valueAt(b, places, 2 * DIGITS)];
  if (!finerX || !finerY) return null;
  return size(subtract(finerX, finerY)).lte(size(distance).times("1e-20"));
}

interface Complex {
  readonly re: Decimal;
  readonly im: Decimal;
}

const size = ({ re, im }: Complex): Decimal => Decimal.max(re.abs(), im.abs());
const isReal = ({ re, im }: Complex): boolean => im.isZero() || im.abs().lte(re.abs().times("1e-40"));
const subtract = (a: Complex, b: Complex): Complex => ({ re: a.re.minus(b.re), im: a.im.minus(b.im) });

class NoValue extends Error {}
const noValue = (): never => {
  throw new NoValue();
};

function valueAt(formula: Formula, places: ReadonlyMap<string, Decimal>, digits: number): Complex | null {
  try {
    const value = new Evaluator(
      Decimal.clone({ precision: digits + 10, maxE: MAX_MAGNITUDE, minE: -MAX_MAGNITUDE }),
      places,
    ).value(formula);
    return value.re.isFinite() && value.im.isFinite() ? value : null;
  } catch (error) {
    if (error instanceof NoValue || (error as Error).message?.startsWith("[DecimalError]")) return null;
    throw error;
  }
}

class Evaluator {
  readonly #zero: Decimal;
  readonly #pi: Decimal;

  constructor(
    readonly D: typeof Decimal,
    readonly places: ReadonlyMap<string, Decimal>,
  ) {
    this.#zero = new D(0);
    this.#pi = D.acos(-1);
  }

  value(formula: Formula): Complex {
    switch (formula.kind) {
      case "number":
        return this.#real(new this.D(`${formula.value.num}`).div(`${formula.value.den}`));
      case "symbol":
        return this.#symbol(formula.name);
      case "sum":
        return formula.parts
          .map((part) => this.value(part))
          .reduce((a, b) => ({ re: a.re.plus(b.re), im: a.im.plus(b.im) }));
      case "product":
        return formula.parts.map((part) => this.value(part)).reduce((a, b) => this.#multiply(a, b));
      case "power":
        return this.#power(this.value(formula.base), this.value(formula.exponent));
      case "call":
        return this.#call(formula.name, formula.arguments);
      case "relation":
      case "list":
        return this.#unknown(formula.kind, formula.parts);
      default:
        return noValue();
    }
  }

  #real(re: Decimal): Complex {
    return re.isFinite() ? { re, im: this.#zero } : noValue();
  }

  #symbol(name: string): Complex {
    if (name === "i") return { re: this.#zero, im: new this.D(1) };
    if (name === "pi") return this.#real(this.#pi);
    if (name === "e") return this.#real(this.D.exp(1));
    const value = this.places.get(name);
    return value ? this.#real(new this.D(value)) : noValue();
  }

  #multiply(a: Complex, b: Complex): Complex {
    if (a.im.isZero() && b.im.isZero()) return this.#real(a.re.times(b.re));
    return { re: a.re.times(b.re).minus(a.im.times(b.im)), im: a.re.times(b.im).plus(a.im.times(b.re)) };
  }

  #inverse({ re, im }: Complex): Complex {
    const norm = re.times(re).plus(im.times(im));
    return norm.isZero() ? noValue() : { re: re.div(norm), im: im.neg().div(norm) };
  }

  #power(base: Complex, exponent: Complex): Complex {
    if (exponent.im.isZero() && exponent.re.isInteger() && exponent.re.abs().lte(2000))
      return this.#wholePower(base, exponent.re.toNumber());
    if (base.re.isZero() && base.im.isZero()) return exponent.re.gt(0) ? base : noValue();
    return this.#exp(this.#multiply(exponent, this.#ln(base)));
  }

  #wholePower(base: Complex, exponent: number): Complex {
    if (exponent < 0) return this.#inverse(this.#wholePower(base, -exponent));
    let result: Complex = this.#real(new this.D(1));
    let square = base;
    for (let left = exponent; left > 0; left = Math.floor(left / 2)) {
      if (left % 2 === 1) result = this.#multiply(result, square);
      if (left > 1) square = this.#multiply(square, square);
    }
    return result;
  }

  #exp({ re, im }: Complex): Complex {
    if (re.abs().gt(2 * MAX_MAGNITUDE)) noValue();
    const length = this.D.exp(re);
    if (im.isZero()) return this.#real(length);
    return { re: length.times(this.#cos(im)), im: length.times(this.#sin(im)) };
  }

  /** The principal value. */
  #ln({ re, im }: Complex): Complex {
    if (im.isZero() && re.gt(0)) return this.#real(this.D.ln(re));
    if (re.isZero() && im.isZero()) return noValue();
    return { re: this.D.ln(re.times(re).plus(im.times(im))).div(2), im: this.D.atan2(im, re) };
  }

  #sin(x: Decimal): Decimal {
    return x.abs().gt(1e9) ? noValue() : this.D.sin(x);
  }

  #cos(x: Decimal): Decimal {
    return x.abs().gt(1e9) ? noValue() : this.D.cos(x);
  }

  #call(name: string, parts: readonly Formula[]): Complex {
    const known = REAL_CALLS[name];
    if (name === "exp") return this.#exp(this.value(parts[0]));
    if (name === "ln") return this.#ln(this.value(parts[0]));
    if (name === "root") return this.#root(this.value(parts[0]), this.value(parts[1]));
    if (!known) return this.#unknown(name, parts);
    const values = parts.map((part) => {
      const value = this.value(part);
      return isReal(value) ? value.re : noValue();
    });
    return this.#real(known(values, this.D, { sin: (x) => this.#sin(x), cos: (x) => this.#cos(x) }) ?? noValue());
  }

  /** The real root of a negative number where the degree is odd, else the principal one. */
  #root(radicand: Complex, degree: Complex): Complex {
    const isOdd = degree.im.isZero() && degree.re.isInteger() && !degree.re.mod(2).isZero();
    if (!isOdd || !radicand.im.isZero() || !radicand.re.isNegative())
      return this.#power(radicand, this.#inverse(degree));
    const { re } = this.#power(this.#real(radicand.re.neg()), this.#inverse(degree));
    return this.#real(re.neg());
  }

  /** A value between 0 and 1 that follows from the name and the values of the parts. */
  #unknown(name: string, parts: readonly Formula[]): Complex {
    const key = parts.map((part) => {
      const { re, im } = this.value(part);
      return `${re.toSignificantDigits(35)} ${im.toSignificantDigits(35)}`;
    });
    const random = new Random(hashString(`${name}(${key})`));
    return this.#real(new this.D(random.below(1 << 30)).plus(random.below(1 << 30) / (1 << 30)).div(1 << 30));
  }
}

interface Waves {
  sin(x: Decimal): Decimal;
  cos(x: Decimal): Decimal;
}

/** Functions of real numbers; null where they have no value. */
const REAL_CALLS: Readonly<Record<string, (values: Decimal[], D: typeof Decimal, waves: Waves) => Decimal | null>> = {
  sin: ([x], _, { sin }) => sin(x),
  cos: ([x], _, { cos }) => cos(x),
  tan: ([x], _, { sin, cos }) => sin(x).div(cos(x)),
  cot: ([x], _, { sin, cos }) => cos(x).div(sin(x)),
  sec: ([x], D, { cos }) => new D(1).div(cos(x)),
  csc: ([x], D, { sin }) => new D(1).div(sin(x)),
  asin: ([x], D) => (x.abs().gt(1) ? null : D.asin(x)),
  acos: ([x], D) => (x.abs().gt(1) ? null : D.acos(x)),
  atan: ([x], D) => D.atan(x),
  sinh: ([x], D) => (x.abs().gt(1e4) ? null : D.sinh(x)),
  cosh: ([x], D) => (x.abs().gt(1e4) ? null : D.cosh(x)),
  tanh: ([x], D) => (x.abs().gt(1e4) ? null : D.tanh(x)),
  log: ([x, base], D) => (x.lte(0) || base?.lte(0) ? null : D.ln(x).div(D.ln(base ?? 10))),
  abs: ([x]) => x.abs(),
  floor: ([x]) => x.floor(),
  ceil: ([x]) => x.ceil(),
  min: (values, D) => D.min(...values),
  max: (values, D) => D.max(...values),
  binomial: ([x, k], D) => {
    if (!k.isInteger() || k.isNegative() || k.gt(500)) return null;
    let value = new D(1);
    for (let i = 0; k.gt(i); i++) value = value.times(x.minus(i)).div(i + 1);
    return value;
  },
  factorial: ([x], D) => {
    if (!x.isInteger() || x.isNegative() || x.gt(500)) return null;
    let value = new D(1);
    for (let i = 2; x.gte(i); i++) value = value.times(i);
    return value;
  },
};
