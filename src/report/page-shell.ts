// The shell of a page that opens from disk, offline: its style and scripts are inside it, and a content policy forbids
// other scripts and any request. Knows nothing of what is shown.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Chart } from "./charts.js";
import { escapeHtml, scriptJson } from "./html.js";
import type { ExpertLoad } from "./series.js";

/** What the page's script draws. */
export interface Drawings {
  readonly charts: readonly Chart[];
  readonly heats: readonly ExpertLoad[];
}

/** A whole page; `body` is HTML whose texts are escaped. */
export function page(title: string, body: string, drawings: Drawings): string {
  const uplot = readUplot();
  const scripts = [
    { type: "text/javascript", text: uplot.script },
    { type: "module", text: `${readOwn("plots.js")}${readOwn("page.js")}` },
  ];
  const hashes = scripts.map(({ text }) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`).join(" ");
  const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src ${hashes}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeHtml(title)}</title>
<style>${uplot.style}${readOwn("page.css")}</style></head>
<body><main>${body}</main>
<script type="application/json" id="drawings">${scriptJson(drawings)}</script>
${scripts.map(({ type, text }) => `<script type="${type}">${text}</script>`).join("\n")}
</body></html>
`;
}

/** The page's own style and scripts, which lie beside this file. */
const readOwn = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8");

/** uPlot's browser build from the installed package. */
function readUplot(): { script: string; style: string } {
  const distribution = dirname(createRequire(import.meta.url).resolve("uplot"));
  const read = (name: string) => readFileSync(join(distribution, name), "utf8");
  return { script: read("uPlot.iife.min.js"), style: read("uPlot.min.css") };
}

/** The bar on top: what the page is about, and the switch between light and dark. */
export function topBar(facts: readonly string[]): string {
  const spans = facts.map((fact) => `<span>${escapeHtml(fact)}</span>`).join("");
  return (
    `<div class="top"><span class="mark"><i></i>Luciole</span>${spans}<span class="spacer"></span>` +
    '<button class="theme" type="button">Dark</button></div>'
  );
}

/** Names and values in two columns; nothing where there are none. */
export function settingsTable(title: string, rows: readonly (readonly [string, string])[]): string {
  if (rows.length === 0) return "";
  const cells = rows.map(([name, value]) => `<tr><td>${escapeHtml(name)}</td><td>${escapeHtml(value)}</td></tr>`);
  return `<section><h3>${escapeHtml(title)}</h3><table>${cells.join("")}</table></section>`;
}

/** Nested options as rows: `rl.steps`, 200. */
export function flatten(value: Readonly<Record<string, unknown>>, prefix = ""): [string, string][] {
  return Object.entries(value).flatMap(([key, each]): [string, string][] => {
    if (each === undefined) return [];
    if (typeof each === "object" && each !== null && !Array.isArray(each))
      return flatten(each as Record<string, unknown>, `${prefix}${key}.`);
    return [[`${prefix}${key}`, Array.isArray(each) ? each.join(", ") : String(each)]];
  });
}
