// `luciole pull`: a model or a data set from Hugging Face, or a mirror of it, into the cache that Hugging Face's own
// tools use.
import { ConfigError } from "../errors.js";
import {
  datasetNameOf,
  formatModelName,
  type HubSettings,
  hubSettings,
  isDatasetAddress,
  modelNameOf,
  ollamaHint,
  type PullEvents,
  type Pulled,
  pull,
  type RepositoryKind,
  type RepositoryName,
  suggestedGguf,
  type ToChoose,
} from "../hub/index.js";
import { formatSize } from "../number-text.js";
import { ownCommand, shellWord } from "../terminal/own-command.js";
import { TransferProgress } from "../terminal/transfer-progress.js";
import { StoppedBySignal } from "./failure.js";
import { modelProblems } from "./pulled-models.js";
import { tell, writeResult } from "./run-verb.js";
import { listenForSignals } from "./stop-signals.js";

/** Flags as commander gives them. */
export interface PullFlags {
  readonly dataset?: boolean;
  readonly revision?: string;
  readonly include?: readonly string[];
  readonly verify?: boolean;
  readonly json?: boolean;
  readonly debug?: boolean;
}

/** Pulls what `text` names and says where it lies. */
export async function pullNamed(text: string, flags: PullFlags): Promise<void> {
  const kind: RepositoryKind = flags.dataset || isDatasetAddress(text) ? "dataset" : "model";
  const name = kind === "dataset" ? withRevision(datasetNameOf(text), flags) : modelName(text, flags);
  const settings = hubSettings();
  const progress = new TransferProgress({ json: flags.json });
  const stop = listenForSignals({ onStop: () => progress.close() });
  try {
    const request = { kind, name, include: flags.include ?? [], verify: flags.verify ?? false };
    const bring = (wanted: RepositoryName) =>
      pull({ ...request, name: wanted }, { settings, signal: stop.signal, events: eventsOf(progress, wanted) });
    let asked = name;
    let result = await bring(asked);
    if (result.kind === "choose" && isOllamaStyle(text)) {
      asked = { ...name, choice: suggestedGguf(result.choices) };
      progress.note(
        `using ${asked.choice} of ${result.choices.length} GGUF models; others: ${otherLabels(result, asked.choice)}`,
      );
      result = await bring(asked);
    }
    if (result.kind === "choose") throw toChoose(result);
    const paths = result.files.map(({ path }) => path);
    const problems = kind === "model" ? await modelProblems(result.folder, paths) : [];
    report(result, problems, { kind, name: asked }, settings, progress, flags);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    throw new StoppedBySignal(
      `Stopped. Everything received so far is kept. Resume with: ${commandOf(kind, name, flags)}`,
      stop.exitCode(),
    );
  } finally {
    progress.close();
    stop.dispose();
  }
}

/** `hf.co/…` is how Ollama's users name models of the hub; Ollama takes Q4_K_M where they name no type. */
const isOllamaStyle = (text: string): boolean => /^(https?:\/\/)?hf\.co\//.test(text);

const otherLabels = ({ choices }: ToChoose, taken: string | null): string =>
  choices
    .map(({ label }) => label)
    .filter((label) => label !== taken)
    .join(", ");

function modelName(text: string, flags: PullFlags): RepositoryName {
  const hint = ollamaHint(text, `${ownCommand()} pull`);
  if (hint) throw new ConfigError(hint);
  return withRevision(modelNameOf(text), flags);
}

function withRevision(name: RepositoryName, { revision }: PullFlags): RepositoryName {
  if (revision === undefined || revision === name.revision) return name;
  if (name.revision !== null)
    throw new ConfigError(`two revisions are given: @${name.revision} and --revision ${revision}; leave out one`);
  return modelNameOf(formatModelName({ ...name, revision }));
}

function eventsOf(progress: TransferProgress, name: RepositoryName): PullEvents {
  return {
    begin: (files) => {
      if (files.some(({ sizeBytes, receivedBytes }) => receivedBytes < sizeBytes))
        progress.begin(formatModelName(name), files);
    },
    received: (path, bytes) => progress.received(path, bytes),
    whole: (path) => progress.whole(path),
    note: (line) => progress.note(line),
  };
}

function commandOf(kind: RepositoryKind, name: RepositoryName, { include = [], verify }: PullFlags): string {
  const patterns = include.map((pattern) => ` --include ${shellWord(pattern)}`);
  const isDataset = kind === "dataset" ? " --dataset" : "";
  return `${ownCommand()} pull${isDataset} ${shellWord(formatModelName(name))}${patterns.join("")}${verify ? " --verify" : ""}`;
}

function report(
  pulled: Pulled,
  problems: readonly string[],
  { kind, name }: { readonly kind: RepositoryKind; readonly name: RepositoryName },
  { isOffline }: HubSettings,
  progress: TransferProgress,
  { json }: PullFlags,
): void {
  const { kind: _, ...facts } = pulled;
  const next =
    kind === "dataset"
      ? `Train on it: ${ownCommand()} sft --data ${shellWord(formatModelName(name))} …`
      : `Ask it: ${ownCommand()} run ${shellWord(formatModelName(name))} "…"`;
  const totalBytes = pulled.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const numFiles = `${pulled.files.length} ${pulled.files.length === 1 ? "file" : "files"}`;
  const isNew = pulled.files.some(({ fetched }) => fetched);
  if (isNew)
    progress.end(`${numFiles}, ${formatSize(totalBytes)}, ${formatSize(pulled.fetchedBytes)} of them downloaded`);
  progress.close();
  const there =
    `${formatModelName(name)}: ${numFiles}, ${formatSize(totalBytes)}, ` +
    `${isOffline ? "in the cache (offline)" : "already complete"}`;
  for (const problem of problems) tell(`warning: ${problem}`);
  writeResult(json, { ...facts, totalBytes, problems }, () => [
    ...(isNew ? [] : [there]),
    pulled.folder,
    ...(problems.length > 0 ? [] : [next]),
  ]);
}

/** The choices are lines of their own before the one line of the error. */
function toChoose({ repo, choices }: ToChoose): ConfigError {
  const width = Math.max(...choices.map(({ label }) => label.length));
  for (const { label, files, sizeBytes } of choices) {
    const parts = files.length > 1 ? `, ${files.length} parts` : "";
    tell(`  ${label.padEnd(width)}  ${formatSize(sizeBytes).padStart(8)}  ${files[0].path}${parts}`);
  }
  const name = formatModelName({ repo, revision: null, choice: suggestedGguf(choices) });
  return new ConfigError(
    `${repo} has ${choices.length} GGUF models; choose one, for example: ${ownCommand()} pull ${name}`,
  );
}
