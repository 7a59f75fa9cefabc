// Whether what was pulled can be run: looks at the headers of the files alone, so that a person hears of it now and not
// when the model is asked.
import { basename, join } from "node:path";
import { openMachine } from "../backends/machine.js";
import { describeGguf } from "../checkpoint/index.js";
import { LucioleError } from "../errors.js";
import { inspectModel } from "../inference/opening/inspect-model.js";

/** Parts after the first are opened with the first; projectors and statistics are no models. */
const NO_MODEL = /-(?!00001)\d{5}-of-\d{5}\.gguf$|^(mmproj|imatrix)/i;

/**
 * One line for each model among the files of `folder` that cannot be run here, or whose header is damaged; all others
 * give none.
 */
export async function modelProblems(folder: string, paths: readonly string[]): Promise<string[]> {
  const ggufs = paths.filter((path) => /\.gguf$/i.test(path) && !NO_MODEL.test(basename(path)));
  const ofGgufs = ggufs.map(async (path) =>
    problemsOf(path, async () => (await describeGguf(join(folder, path))).problems, join(folder, path)),
  );
  const isModel = paths.includes("config.json") && paths.some((path) => /^[^/]+\.safetensors$/.test(path));
  const ofFolder = isModel ? [problemsOf("the model", () => folderProblems(folder), folder)] : [];
  return (await Promise.all([...ofGgufs, ...ofFolder])).filter((line) => line !== "");
}

async function folderProblems(folder: string): Promise<string[]> {
  await openMachine({ warn: () => {} });
  return [(await inspectModel(folder)).problem ?? ""];
}

async function problemsOf(name: string, look: () => Promise<readonly string[]>, path: string): Promise<string> {
  try {
    const problems = (await look()).filter((problem) => problem !== "");
    return problems.length === 0 ? "" : `${name} cannot be run here: ${problems.join("; ")}`;
  } catch (error) {
    if (!(error instanceof LucioleError)) throw error;
    return `${name} cannot be run here: ${error.message.replaceAll(`${path}: `, "").replaceAll(`${path}/`, "")}`;
  }
}
