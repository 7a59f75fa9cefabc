// The verb `help`.
import type { Command } from "commander";
import { didYouMean } from "../errors.js";

/** Declares `luciole help`: its arguments and flags. */
export function addHelp(program: Command): void {
  const command = program
    .command("help")
    .argument("[verb]")
    .argument("[topic]", '"options" lists what --set accepts')
    .description("show the help of a verb");
  command.action(async (name, topic) => {
    if (topic !== undefined) return (await import("./option-help.js")).printOptions(name, topic);
    if (name === undefined) return program.help();
    const names = program.commands.map((each) => each.name());
    const known = program.commands.find((each) => each.name() === name);
    if (!known) return command.error(`error: unknown verb '${name}'${didYouMean(name, names)}`);
    known.help();
  });
}
