// The bench's table as text. Knows nothing of what the lines mean.
import { type Line, verdict } from "./claim.js";

const HEADER = ["claim", "what", "ours", "peer", "ceiling", "unit", "reached", "target", "verdict"];

/** Lines as a table of aligned columns; notes follow, one a line. */
export function renderTable(lines: readonly Line[]): string {
  const rows = [HEADER, ...lines.map(cells)];
  const widths = HEADER.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const isText = (column: number) => column < 2 || column === 5 || column === 8;
  const table = rows.map((row) =>
    row
      .map((cell, column) => (isText(column) ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join("  ")
      .trimEnd(),
  );
  table.splice(1, 0, widths.map((width) => "-".repeat(width)).join("  "));
  const notes = lines.flatMap((line) =>
    [line.failure, line.peerFailure, line.note].flatMap((note) =>
      note ? [`${line.claim}, ${line.what}: ${note}`] : [],
    ),
  );
  return [...table, "", ...notes].join("\n");
}

function cells(line: Line): string[] {
  const { claim, what, unit, ours, peer, ceiling, reached, target } = line;
  const bound = target ? ("atLeast" in target ? `>= ${number(target.atLeast)}` : `<= ${number(target.atMost)}`) : "";
  return [claim, what, number(ours), number(peer), number(ceiling), unit, number(reached), bound, verdict(line)];
}

function number(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "";
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return value.toFixed(0);
  return Math.abs(value) >= 100 ? value.toFixed(1) : value.toFixed(2);
}
