// One spelling of a formula: sums and products in a fixed order of their parts. Equal spellings are equal formulas.
import type { Formula } from "./formula.js";

/** See the file's head. */
export function spelled(formula: Formula): string {
  switch (formula.kind) {
    case "number":
      return `${formula.value.num}/${formula.value.den}`;
    case "symbol":
      return formula.name;
    case "text":
      return `"${formula.text.toLowerCase().replace(/\s+/g, " ").trim()}"`;
    case "sum":
    case "product":
      return `(${formula.parts
        .map(spelled)
        .sort()
        .join(formula.kind === "sum" ? "+" : "*")})`;
    case "power":
      return `${spelled(formula.base)}^${spelled(formula.exponent)}`;
    case "call":
      return `${formula.name}(${formula.arguments.map(spelled).join()})`;
    case "plus-minus":
      return `(${spelled(formula.left)}${formula.isOpposite ? "∓" : "±"}${spelled(formula.right)})`;
    case "bracket":
      return `${formula.open}${formula.parts.map(spelled).join()}${formula.close}`;
    case "relation":
      return formula.parts.map((part, i) => (i === 0 ? "" : formula.signs[i - 1]) + spelled(part)).join("");
    case "matrix":
      return `[${formula.rows.map((row) => row.map(spelled).join()).join(";")}]`;
    case "measure":
      return `${spelled(formula.amount)} ${formula.unit}`;
    default:
      return `${formula.kind}(${formula.parts.map(spelled).join()})`;
  }
}
