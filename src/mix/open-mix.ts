// Opens the members of a mix: plans the memory of all together, then opens one engine for each. Knows no conversation.
import { BackendError, ConfigError } from "../errors.js";
import { availableBytes } from "../free-memory.js";
import { type InferencePlan, sharedBytes } from "../inference/opening/memory-plan.js";
import { type EngineOpening, type OpenedEngine, openEngine } from "../inference/opening/open-engine.js";
import { planOpening } from "../inference/opening/open-for-inference.js";
import { formatMemory } from "../number-text.js";
import { openRewardModel, type RewardModel } from "../preference/reward-model.js";
import { type Member, memberOf } from "./member.js";
import { Mix } from "./mix.js";
import { type MemberSpec, type MixFile, readMix } from "./mix-file.js";
import { policyOf, refuseUnfitted } from "./policy.js";

/** How a mix is opened; what is said holds for every member. */
export interface MixOpening extends Omit<EngineOpening, "adapter" | "cacheSequences" | "compute"> {
  /** Contexts that the cache of each member has room for: the first of these with which all fit; default 1. */
  readonly cacheSequences?: readonly number[];
  /** Free memory in bytes; default: as the system says. */
  readonly available?: number;
}

/** A member and the memory that it takes. */
export interface PlannedMember {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
}

/** Members at work. Their owner disposes them. */
export interface OpenedMembers {
  readonly members: readonly Member[];
  readonly engines: readonly OpenedEngine[];
  /** Memory of each, and of all together. */
  readonly plan: MixPlan;
  readonly warning?: string;
  dispose(): Promise<void>;
}

/** A mix with its members at work. Its owner disposes it. */
export interface OpenedMix extends Omit<OpenedMembers, "members"> {
  readonly mix: Mix;
  readonly file: MixFile;
}

/**
 * Opens the mix at `path`. Throws ConfigError as `readMix` and for a policy that is not fitted yet, and as
 * `openMembers`.
 */
export async function openMix(path: string, opening: MixOpening = {}): Promise<OpenedMix> {
  const file = readMix(path);
  refuseUnfitted(file);
  const { members, ...opened } = await openMembers(file, opening);
  const judges: RewardModel[] = [];
  const dispose = async () => {
    await opened.dispose();
    for (const judge of judges) judge.dispose();
  };
  try {
    const policy = await policyOf(file, members, async (directory) => {
      const judge = await openRewardModel(directory);
      judges.push(judge);
      return judge;
    });
    return { ...opened, mix: new Mix(members, policy), file, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/**
 * Opens one engine for each member, when the memory of all was planned. Throws BackendError naming all members and
 * their bytes where they do not fit together, and what a member's opening throws.
 */
export async function openMembers(file: MixFile, opening: MixOpening = {}): Promise<OpenedMembers> {
  const plan = await planMix(file, opening);
  const { cacheSequences } = plan;
  const { available: _, ...options } = opening;
  const engines: OpenedEngine[] = [];
  const dispose = async () => void (await Promise.all(engines.map((engine) => engine.dispose())));
  try {
    for (const { name, path, adapter } of file.members)
      engines.push(await named(name, openEngine(path, { ...options, adapter, cacheSequences })));
    const members = file.members.map((spec, i) => memberOf(spec.name, engines[i], spec));
    return { members, engines, plan, ...warningOf(file, engines), dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** The memory of a mix, planned. */
export interface MixPlan {
  readonly members: readonly PlannedMember[];
  readonly cacheSequences: number;
  readonly plannedBytes: number;
}

/** Plans the memory of all members from the headers of their files. Throws as `openMix`. */
export async function planMix(file: MixFile, opening: MixOpening = {}): Promise<MixPlan> {
  const { cacheSequences = [1], available = availableBytes(), device, ...options } = opening;
  let plan: MixPlan | undefined;
  for (const sequences of cacheSequences) {
    plan = await planWith(file, sequences, { ...options, device });
    if (plan.plannedBytes <= available) return plan;
  }
  const { members, plannedBytes } = plan as MixPlan;
  const each = members.map(({ name, bytes }) => `${name} ${formatMemory(bytes)}`).join(", ");
  throw new BackendError(
    `not enough memory: the members of ${file.file} need about ${formatMemory(plannedBytes)} together, but only ` +
      `${formatMemory(available)} is free (${each}); leave one out, ask for a shorter context, or take one stored in ` +
      "fewer bits",
  );
}

async function planWith({ members: specs }: MixFile, cacheSequences: number, options: MixOpening): Promise<MixPlan> {
  const plans: InferencePlan[] = [];
  for (const { name, path, adapter } of specs)
    plans.push((await named(name, planOpening(path, { ...inferenceOptions(options), adapter, cacheSequences }))).plan);
  const members = specs.map(({ name, path }, i) => ({ name, path, bytes: plans[i].total }));
  return { members, cacheSequences, plannedBytes: sharedBytes(plans) };
}

const inferenceOptions = ({ cacheTokens, cacheType, context, device, maxSequences }: MixOpening) => ({
  ...{ cacheTokens, cacheType, context, device, maxSequences },
});

/** Says which member an error is about. */
async function named<T>(name: MemberSpec["name"], opening: Promise<T>): Promise<T> {
  try {
    return await opening;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`member "${name}": ${error.message}`, { cause: error });
  }
}

function warningOf({ members }: MixFile, engines: readonly OpenedEngine[]): { readonly warning?: string } {
  const warnings = engines.flatMap(({ warning }, i) => (warning ? [`member "${members[i].name}": ${warning}`] : []));
  return warnings.length > 0 ? { warning: warnings.join("; ") } : {};
}
