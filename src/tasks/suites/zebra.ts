// Zebra grids: who lives in which house and what is theirs, from clues (ZebraLogic, Lin et al. 2025, arXiv 2502.01100).
// For example:
//   puzzle    "There are 2 houses, numbered 1 to 2 from left to right. … The person who drinks tea lives in house 2. …"
//   solution  {"header": ["House", "Name", "Drink"], "rows": [["1", "Arnold", "milk"], ["2", "Eric", "tea"]]}
//   id        "lgp-test-2x2-1"; size: "2*2"
// Right when every cell is; the share of the cells is told as well.
import { columnValue, textOf } from "../../data/columns.js";
import { kindOf, type PlacedRow, shown } from "../../data/row.js";
import { DataError } from "../../errors.js";
import type { Grader } from "../listed-task.js";
import type { Suite } from "./suite.js";

/** House by house, what belongs to it by its kind: `{ "House 1": { Name: "Arnold" } }`. */
type Grid = Readonly<Record<string, Readonly<Record<string, string>>>>;

const gridGrader: Grader = {
  name: "grid",
  instruction:
    "Please reason step by step, and end with the whole solution in JSON, with the names of the attributes as in the " +
    'puzzle\'s table, such as: {"House 1": {"Name": "…", …}, "House 2": {…}}',
  answerForm: "the whole solution in JSON, one object for each house",
  find: (_, reply) => lastObject(reply),
  grade(problem, answer) {
    const [right, given] = [gridOf(problem.answer), gridOf(answer)];
    const cells = Object.entries(right).flatMap(([house, parts]) =>
      Object.entries(parts).map(([kind, value]) => given[house]?.[kind] === value),
    );
    const number = cells.filter(Boolean).length;
    return {
      score: number === cells.length ? 1 : 0,
      decidedBy: "cells",
      shares: { cells: { number, of: cells.length } },
    };
  },
  same: (_, a, b) => JSON.stringify(gridOf(a)) === JSON.stringify(gridOf(b)),
};

/** The last object in a text that is JSON; null where there is none. */
function lastObject(text: string): string | null {
  const ends = [...text.matchAll(/\}/g)].map(({ index }) => index + 1).reverse();
  for (const end of ends.slice(0, MAX_TRIES)) {
    const start = openingOf(text, end);
    if (start >= 0 && isObject(parsed(text.slice(start, end)))) return text.slice(start, end);
  }
  return null;
}

const MAX_TRIES = 20;

/** Where the brace opens that closes before `end`. */
function openingOf(text: string, end: number): number {
  let depth = 0;
  for (let at = end - 1; at >= 0; at--) {
    if (text[at] === "}") depth++;
    else if (text[at] === "{" && --depth === 0) return at;
  }
  return -1;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Names and values in lower case, houses by their numbers and in their order. */
function gridOf(text: string): Grid {
  const value = parsed(text);
  const houses = isObject(value) && isObject(value.solution) ? value.solution : value;
  if (!isObject(houses)) return {};
  const entries = Object.entries(houses).map(([house, parts]) => [
    /\d+/.exec(house)?.[0] ?? house,
    Object.fromEntries(
      Object.entries(isObject(parts) ? parts : {})
        .map(([kind, each]) => [plain(kind), plain(`${each}`)])
        .sort(),
    ),
  ]);
  return Object.fromEntries(entries);
}

const plain = (text: string): string => text.trim().toLowerCase().replaceAll(/\s+/g, " ");

/** See the file's head. */
export const zebra: Suite = {
  name: "zebra",
  title: "ZebraLogic",
  source: {
    repo: "WildEval/ZebraLogic",
    revision: "0a473f5a0054835754ed156d5a79c6ce27178bb1",
    part: "grid_mode/test",
    licence: "none stated",
  },
  grader: gridGrader,
  samples: 1,
  read: (placed) => ({
    id: textOf(placed, "id"),
    question: textOf(placed, "puzzle"),
    answer: goldGrid(placed),
    difficulty: textOf(placed, "size")
      .split("*")
      .reduce((product, side) => product * Number(side), 1),
  }),
};

function goldGrid(placed: PlacedRow): string {
  const column = columnValue(placed, "solution");
  const { header, rows } = ((typeof column === "string" ? parsed(column) : column) ?? {}) as Partial<Table>;
  if (!header || !rows || rows.some((row) => row.length !== header.length))
    throw new DataError(
      `${placed.where}: column "solution" must be a table with header and rows, got ${kindOf(column)}: ${shown(column)}`,
    );
  const houses = rows.map(([house, ...cells]) => [
    `House ${house}`,
    Object.fromEntries(cells.map((cell, i) => [header[i + 1], cell])),
  ]);
  return JSON.stringify(Object.fromEntries(houses));
}

interface Table {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}
