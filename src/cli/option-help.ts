// `luciole help <verb> options`: the verb's part of docs/options.md, as a list. Knows no option.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, didYouMean } from "../errors.js";
import { packageRoot } from "../package-root.js";

/** The heading that a verb's options stand under: `eval` takes those of its task. */
const HEADINGS: Readonly<Record<string, readonly string[]>> = {
  pretrain: ["pretrain", "Tasks"],
  rl: ["rl", "Tasks"],
  distill: ["distill", "Tasks"],
  eval: ["Tasks"],
};

/** Prints what --set takes in a verb. Throws ConfigError for another topic, or a verb that takes none. */
export function printOptions(verb: string, topic: string): void {
  if (topic !== "options")
    throw new ConfigError(`help ${verb} ${topic}: unknown topic, expected "options"${didYouMean(topic, ["options"])}`);
  const sections = readFileSync(join(packageRoot(), "docs", "options.md"), "utf8").split(/^## /m);
  const texts = (HEADINGS[verb] ?? [verb]).map((heading) =>
    sections.find((section) => section.startsWith(`${heading}\n`)),
  );
  if (texts.includes(undefined))
    throw new ConfigError(`${verb} has no --set options; for its flags: luciole ${verb} --help`);
  process.stdout.write(`${texts.map((text) => asList(text as string)).join("\n")}\n`);
}

/** A section's tables as lines: name and default, then what it means. */
function asList(section: string): string {
  return section
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const heading = /^### (.*)/.exec(line)?.[1];
      if (heading) return [`${heading}:`, ""];
      const [, name, value, range, meaning] = line
        .split(/(?<!\\) ?\| ?/)
        .map((cell) => cell.replaceAll("`", "").replaceAll("\\|", "|"));
      if (meaning === undefined || name === "option" || name.startsWith("---")) return [];
      return [`  ${name}  (${range}${value === "" ? "" : `; default ${value}`})`, `      ${meaning}`];
    })
    .join("\n");
}
