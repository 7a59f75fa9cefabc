// mix.json: the members of a mix and its policy. Finds the members, opens none.
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { z } from "zod";
import { writeFileAtomically } from "../atomic-file.js";
import { ConfigError, didYouMean } from "../errors.js";
import { resolveModel } from "../hub/resolve-model.js";
import { parseOptions } from "../tasks/options.js";
import { POLICIES, POLICY_SCHEMAS, type PolicyOptions } from "./policy-options.js";

/** The file's name in a folder. */
export const MIX_FILE = "mix.json";

/** A member as mix.json names it. */
export const memberSchema = z.strictObject({
  /** What it is called; default: the name of its folder or file. */
  name: z.string().min(1).max(100).optional(),
  /** A run, a model directory, a GGUF file or a pulled model (org/name). Relative paths begin at this file. */
  model: z.string().min(1),
  /** A LoRA adapter to put over it. */
  adapter: z.string().min(1).optional(),
  /** Sampling temperature where none is asked for; default: the model's own. */
  temperature: z.number().min(0).optional(),
  /** Nucleus sampling where none is asked for; default: the model's own. */
  topP: z.number().gt(0).max(1).optional(),
});

/** mix.json, as zod checks it. */
export const mixSchema = z.strictObject({
  /** The models. */
  members: z.array(memberSchema).min(1),
  /** How they answer together: `kind`, the name of the policy, and its options. */
  policy: z.looseObject({ kind: z.string() }),
});

/** A member, found. */
export interface MemberSpec {
  readonly name: string;
  /** Where it lies. */
  readonly path: string;
  /** Where its adapter lies. */
  readonly adapter?: string;
  readonly temperature?: number;
  readonly topP?: number;
}

/** A mix, read: its members found, the names in its policy checked. */
export interface MixFile {
  /** Where mix.json lies. */
  readonly file: string;
  readonly members: readonly MemberSpec[];
  readonly policy: PolicyOptions;
}

/** Whether `path` is a folder with mix.json that is no model itself, or a file of that name (`team.mix.json` too). */
export function isMix(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory()) return existsSync(join(path, MIX_FILE)) && !existsSync(join(path, "model.safetensors"));
  return stats !== undefined && basename(path).endsWith(MIX_FILE);
}

/** The file of a mix that `isMix`. */
export const mixFileOf = (path: string): string => (statSync(path).isDirectory() ? join(path, MIX_FILE) : path);

/**
 * Reads the mix at `path`. Throws ConfigError for a file that is none, a member that is not there, two of one name, and
 * a policy that names no member.
 */
export function readMix(path: string): MixFile {
  const file = resolve(mixFileOf(path));
  const given = parseMix(file);
  const members = given.members.map((member) => found(file, member));
  const names = members.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new ConfigError(`${file}: two members are called "${twice}"; give each a "name" of its own`);
  for (const name of namesIn(given.policy)) requireName(file, name, names);
  return { file, members, policy: given.policy };
}

/** mix.json as it stands, checked. */
export interface MixContents {
  readonly members: readonly z.output<typeof memberSchema>[];
  readonly policy: PolicyOptions;
}

/** Reads mix.json as it stands. Throws ConfigError. */
export function parseMix(file: string): MixContents {
  let given: unknown;
  try {
    given = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new ConfigError(`${file}: expected a JSON file with members and policy, got: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const { members, policy } = parseOptions(mixSchema, given, file);
  const kind = POLICIES.find((name) => name === policy.kind);
  if (kind === undefined)
    throw new ConfigError(
      `${file}: unknown policy "${policy.kind}"${didYouMean(policy.kind, [...POLICIES])}; expected ${POLICIES.join(", ")}`,
    );
  return { members, policy: parseOptions(POLICY_SCHEMAS[kind], policy, `${file}: policy ${kind}`) };
}

/** Writes mix.json. */
export function writeMix(file: string, mix: MixContents): void {
  writeFileAtomically(file, `${JSON.stringify(mix, null, 2)}\n`);
}

function found(file: string, { model, adapter, name, ...rest }: z.output<typeof memberSchema>): MemberSpec {
  const called = name ?? basename(model).replace(/\.gguf$/i, "");
  const path = placeOf(file, model, called);
  if (isMix(path))
    throw new ConfigError(`${file}: member "${called}" is itself a mix; name the members of that mix here`);
  return { name: called, path, ...(adapter && { adapter: placeOf(file, adapter, called) }), ...rest };
}

/** A path from the folder of the file, else a pulled model. */
function placeOf(file: string, name: string, member: string): string {
  const path = isAbsolute(name) ? name : join(dirname(file), name);
  if (existsSync(path)) return path;
  try {
    return resolveModel(name);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`${file}: member "${member}": ${path}: ${notThere(name, error.message)}`, { cause: error });
  }
}

const notThere = (name: string, message: string): string =>
  message.startsWith(`${name}: `) ? message.slice(name.length + 2) : message;

/** The members that a policy names. */
function namesIn(policy: PolicyOptions): string[] {
  const named =
    policy.kind === "route"
      ? [...policy.rules.map(({ member }) => member), policy.encoder, policy.otherwise]
      : policy.kind === "blend"
        ? [policy.aggregator]
        : [];
  return named.filter((name) => name !== null);
}

function requireName(file: string, name: string, names: readonly string[]): void {
  if (names.includes(name)) return;
  throw new ConfigError(
    `${file}: the policy names "${name}"${didYouMean(name, [...names])}, but the members are ${names.join(", ")}`,
  );
}
