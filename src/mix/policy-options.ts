// What each policy of a mix can be told, as mix.json says it. Knows no model.
import { z } from "zod";

const samplesOption = z.int().min(1).max(4096);
const memberName = z.string().min(1);

/** The options of `vote`. */
export const voteSchema = z.strictObject({
  /** Self-consistency: the answer that most samples give, within and across the members. */
  kind: z.literal("vote"),
  /** Samples at most, drawn from the members in turn. */
  samples: samplesOption.default(8),
  /**
   * Samples that are drawn at the same time. The vote ends after the round in which the majority can no longer be
   * overturned. Null draws one of each member, at least two.
   */
  round: samplesOption.nullable().default(null),
});

/** The options of `best-of`. */
export const bestOfSchema = z.strictObject({
  /** The sample that a judge finds best. */
  kind: z.literal("best-of"),
  /** Samples, drawn from the members in turn. */
  samples: samplesOption.default(8),
  /** `rm:<directory>`, a reward model; or `verifier`, the verifier of the task that is evaluated. */
  judge: z.string().regex(/^(verifier|rm:.+)$/, "expected rm:<directory of a reward model>, or verifier"),
});

/** When a stage of a cascade is believed. */
export const thresholdSchema = z.strictObject({
  /** Smallest share of the samples that agree. */
  agreement: z.number().min(0).max(1),
  /** Smallest mean log-probability of their tokens; null: any. */
  logProb: z.number().max(0).nullable().default(null),
});

/** What a fit found on its validation problems. */
export const cascadeFitSchema = z.strictObject({
  /** The task whose problems were answered. */
  task: z.string(),
  /** Number of problems. */
  problems: z.int().min(1),
  /** The share of the last member's accuracy that was to be kept. */
  keep: z.number().min(0).max(1),
  /** Accuracy of the cascade on these problems. */
  accuracy: z.number(),
  /** Accuracy of the last member on these problems. */
  lastAccuracy: z.number(),
  /** FLOPs of the cascade over those of the last member. */
  flopShare: z.number(),
});

/** The options of `cascade`. */
export const cascadeSchema = z.strictObject({
  /** Members in their order, small ones first; a later one is asked where the samples of an earlier one are unsure. */
  kind: z.literal("cascade"),
  /** Samples of each stage but the last. */
  samples: samplesOption.default(3),
  /** Samples of the last member; several vote. */
  lastSamples: samplesOption.default(1),
  /**
   * File of a learnt router over all members but the last: one of them, chosen by the router, is then the only stage
   * before the last. Null: they are stages in their order.
   */
  router: z.string().min(1).nullable().default(null),
  /** When each stage but the last is believed, in their order; null: not fitted yet (`luciole mix fit`). */
  thresholds: z.array(thresholdSchema).nullable().default(null),
  /** What the fit found. */
  fit: cascadeFitSchema.nullable().default(null),
});

/** The options of `route`. */
export const routeSchema = z.strictObject({
  /** One member for each question, by rules or by a learnt router. */
  kind: z.literal("route"),
  /** Rules, tried in their order before the router. */
  rules: z
    .array(
      z.strictObject({
        /** Regular expression that the question contains, whatever the case of its letters. */
        pattern: z.string().min(1),
        /** The member that answers. */
        member: memberName,
      }),
    )
    .default([]),
  /** File of the learnt router (`luciole mix fit`), relative to this one; null: rules alone. */
  router: z.string().min(1).nullable().default(null),
  /** The member whose hidden state of the prompt the router reads; null: the first. */
  encoder: memberName.nullable().default(null),
  /** The member that answers where no rule applies and there is no router. */
  otherwise: memberName.nullable().default(null),
  /** Samples of the chosen member; several vote. */
  samples: samplesOption.default(1),
  /** Samples that are drawn at the same time; null draws two. */
  round: samplesOption.nullable().default(null),
});

/** The options of `blend`. */
export const blendSchema = z.strictObject({
  /** An aggregator reads what the others propose and answers. */
  kind: z.literal("blend"),
  /** The member that answers last; null: the last one. The others propose, and it alone where there are no others. */
  aggregator: memberName.nullable().default(null),
  /** Proposals of each proposer. */
  samples: samplesOption.default(1),
});

/** The policies by their names. */
export const POLICY_SCHEMAS = {
  vote: voteSchema,
  "best-of": bestOfSchema,
  cascade: cascadeSchema,
  route: routeSchema,
  blend: blendSchema,
} as const;

/** The name of a policy. */
export type PolicyName = keyof typeof POLICY_SCHEMAS;
/** The names of the policies. */
export const POLICIES = Object.keys(POLICY_SCHEMAS) as readonly PolicyName[];
/** One kind of policy, complete. */
export type PolicyOf<K extends PolicyName> = z.output<(typeof POLICY_SCHEMAS)[K]>;
/** The policy of a mix, complete. */
export type PolicyOptions = { readonly [K in PolicyName]: PolicyOf<K> }[PolicyName];
