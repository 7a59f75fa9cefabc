// Several models behind one name. The design in ten lines:
// 1. `mix.json` names members (any models) and a policy; a folder with one, or the file, stands wherever a model does.
// 2. A mix works on conversations and texts, never on token ids: members have their own tokenizers and templates.
// 3. A `Question` can be put to any member as that member's own prompt, and says when two answers are the same.
// 4. A `Member` is an engine with what belongs to it. One memory plan covers all before the first weight is mapped.
// 5. A `Course` is one question on its way: it draws samples, each with a seed of its own, and tallies the work.
// 6. A policy is a function from a course to the reply: `vote`, `best-of`, `cascade`, `route` or `blend`.
// 7. The reply looks like an engine's: token events and a completion, which also tells what each member did.
// 8. So chat, server and evaluation see a `ChatModel`, a served model, a rollout; none of them knows a policy.
// 9. What must be fitted (cascade, router) is fitted on problems of a task by `fit.ts` and kept beside `mix.json`.
// 10. The same question, seed and files give the same reply: rounds are whole, and ties go to the sample drawn first.
export { fitMix, type MixFit } from "./fit.js";
export { type Member, memberOf } from "./member.js";
export { Mix, type MixReply } from "./mix.js";
export { mixModel, mixStyle, requireOneTokenizer } from "./mix-chat.js";
export { isMix, type MixFile, mixSchema, readMix, writeMix } from "./mix-file.js";
export { openConversation } from "./open-conversation.js";
export { type MixOpening, type OpenedMix, openMix, planMix } from "./open-mix.js";
export { mixRollout } from "./rollout.js";
export { totalWork } from "./tally.js";
