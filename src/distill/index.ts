// What `luciole/distill` offers: the stages of a distillation, and what they are planned with.
export * from "./distill-run.js";
export * from "./distillation.js";
export * from "./divergence-objective.js";
export * from "./on-policy-trainer.js";
export * from "./options.js";
export * from "./plan.js";
export * from "./same-vocabulary.js";
export * from "./soft-targets.js";
export * from "./student.js";
export * from "./taught-sequences.js";
export * from "./teachers.js";
