// Which files of a repository to pull: by default what a model is loaded from, by patterns, or one GGUF file by its
// type. Knows names and sizes only.
import { ConfigError, didYouMean } from "../errors.js";
import { quoted } from "./names.js";

/** Loaded beside the weights: configuration, tokenizer, chat template. Of the top folder only. */
const BESIDE_WEIGHTS =
  /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|chat_template)\.json$|^(merges\.txt|tokenizer\.model|chat_template\.jinja)$/;
const MODEL_WEIGHTS = /^model(-\d{5}-of-\d{5})?\.safetensors$/;

/** The smallest thing a selection is made of. */
export interface Named {
  readonly path: string;
  readonly sizeBytes: number;
}

/** One GGUF model of a repository: a file, or the parts it was split into. */
export interface GgufChoice<F extends Named = Named> {
  /** Its type (`Q4_K_M`), as a person asks for it; the name of the file where that says none. */
  readonly label: string;
  readonly files: readonly F[];
  readonly sizeBytes: number;
}

/** Files a model is loaded from where nothing else is asked for: none for a repository without safetensors. */
export function defaultFiles<F extends Named>(files: readonly F[]): F[] {
  const weights = files.filter(({ path }) => /^[^/]+\.safetensors$/.test(path));
  // Beside the weights of the model some repositories hold the same again under other names.
  const own = weights.filter(({ path }) => MODEL_WEIGHTS.test(path));
  const chosen = new Set([
    ...(own.length > 0 ? own : weights),
    ...files.filter(({ path }) => path === "model.safetensors.index.json"),
  ]);
  return weights.length === 0 ? [] : files.filter((file) => chosen.has(file) || BESIDE_WEIGHTS.test(file.path));
}

/**
 * Files that match one of the patterns: `*` any text, also with slashes, `?` one character, `[ab]` one of these. Throws
 * ConfigError when none does.
 */
export function matchingFiles<F extends Named>(files: readonly F[], patterns: readonly string[]): F[] {
  const tests = patterns.map(globTest);
  const found = files.filter(({ path }) => tests.some((test) => test.test(path)));
  if (found.length > 0) return found;
  const paths = files.map(({ path }) => path);
  const some = `${paths.slice(0, 8).join(", ")}${paths.length > 8 ? `, and ${paths.length - 8} more` : ""}`;
  throw new ConfigError(
    `no file matches ${patterns.map(quoted).join(" or ")}${didYouMean(patterns[0], paths)}; available: ` +
      `${some || "none"}`,
  );
}

/** As Python's fnmatch, which huggingface_hub takes patterns by: a folder (`original/`) stands for all in it. */
function globTest(pattern: string): RegExp {
  const whole = pattern.endsWith("/") ? `${pattern}*` : pattern;
  const source = whole.replaceAll(/\*+|\?|\[(!?)([^\]]+)\]|[^*?[]+|\[/g, (piece, not, set) => {
    if (piece[0] === "*") return ".*";
    if (piece === "?") return ".";
    if (set !== undefined) return `[${not ? "^" : ""}${set.replaceAll(/[\\\]^]/g, "\\$&")}]`;
    return piece.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  });
  return new RegExp(`^${source}$`, "su");
}

const PART = /-(\d{5})-of-(\d{5})$/;
const TYPE = /(?:^|[-._/])((?:UD-)?(?:I?Q\d\w*|T?Q\d_\d\w*|MXFP4\w*|BF16|F16|F32|FP16|FP32))$/i;

/**
 * The GGUF models among the files, each with all its parts, smallest first; projectors and statistics are no models.
 */
export function ggufChoices<F extends Named>(files: readonly F[]): GgufChoice<F>[] {
  const groups = new Map<string, F[]>();
  for (const file of files) {
    if (!/\.gguf$/i.test(file.path) || /^(mmproj|imatrix)/i.test(baseName(file.path))) continue;
    const stem = file.path.slice(0, -".gguf".length).replace(PART, "");
    groups.set(stem, [...(groups.get(stem) ?? []), file]);
  }
  return [...groups].map(([stem, parts]) => choiceOf(stem, parts)).sort((a, b) => a.sizeBytes - b.sizeBytes);
}

function choiceOf<F extends Named>(stem: string, parts: readonly F[]): GgufChoice<F> {
  const files = [...parts].sort((a, b) => (a.path < b.path ? -1 : 1));
  const label = TYPE.exec(stem)?.[1].toUpperCase() ?? baseName(stem);
  return { label, files, sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
}

const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/**
 * The one GGUF model of that type or file name, letter case aside. Throws ConfigError when there is none, or more than
 * one.
 */
export function ggufOf<F extends Named>(
  choices: readonly GgufChoice<F>[],
  wanted: string,
  repo: string,
): GgufChoice<F> {
  const isWanted = (name: string) => name.toLowerCase() === wanted.toLowerCase();
  const found = choices.filter(
    ({ label, files }) => isWanted(label) || files.some(({ path }) => isWanted(path) || isWanted(baseName(path))),
  );
  if (found.length === 1) return found[0];
  const labels = choices.map(({ label }) => label);
  if (found.length === 0)
    throw new ConfigError(
      `${repo} has no GGUF file ${quoted(wanted)}${didYouMean(wanted, labels)}; it has: ${labels.join(", ") || "none"}`,
    );
  throw new ConfigError(
    `${repo} has several GGUF files ${quoted(wanted)}; choose one by name: ` +
      `${found.map(({ files }) => files[0].path).join(", ")}`,
  );
}

/** Good and small first. */
const PREFERRED = ["Q4_K_M", "Q8_0", "Q5_K_M", "Q6_K", "Q4_K_S", "Q4_0", "F16", "BF16"];

/** The type to ask for when in doubt. */
export function suggestedGguf(choices: readonly GgufChoice[]): string {
  const labels = choices.map(({ label }) => label);
  return PREFERRED.find((label) => labels.includes(label)) ?? labels[0];
}
