// /api/tags, /api/show and /api/ps: the models, what is known of each, and those that are loaded.
import { createHash } from "node:crypto";
import { z } from "zod";
import type { App, ServerContext } from "../../context.js";
import { nullish, readBody } from "../../http/body.js";
import type { ModelFacts } from "../../models/model-facts.js";
import type { ModelStatus } from "../../models/model-pool.js";
import type { ServedModel } from "../../models/served-model.js";
import { withModel } from "../../replies/with-model.js";

const SHOW_REQUEST = z.looseObject({ model: nullish(z.string()), name: nullish(z.string()) });
/** When a model is unloaded that stays. */
const NEVER = "2999-01-01T00:00:00Z";

/** The name a model is served by: Ollama's clients put `:latest` behind names without a tag. */
export const modelName = ({ models }: ServerContext, given: string): string =>
  models.isServed(given) ? given : given.replace(/:latest$/, "");

/** Answers. */
export function registerModels(app: App, server: ServerContext): void {
  const { models } = server;
  const listed = async (status: ModelStatus) => entryOf(status, await models.facts(status.name));
  const running = async (status: ModelStatus) => ({
    ...(await listed(status)),
    expires_at: status.unloadsAt?.toISOString() ?? NEVER,
    size: status.plannedBytes ?? 0,
    size_vram: 0,
    context_length: status.maxContext ?? 0,
  });
  app.get("/api/tags", async (c) => c.json({ models: await Promise.all(models.status().map(listed)) }));
  app.get("/api/ps", async (c) => {
    const loaded = models.status().filter(({ state }) => state === "loaded");
    return c.json({ models: await Promise.all(loaded.map(running)) });
  });
  app.post("/api/show", async (c) => {
    const body = await readBody(c, SHOW_REQUEST);
    const name = modelName(server, body.model ?? body.name ?? models.defaultName);
    const facts = await models.facts(name);
    return c.json(await withModel(server, name, (model) => shown(model, facts)));
  });
}

const entryOf = ({ name }: ModelStatus, facts: ModelFacts | undefined) => ({
  name,
  model: name,
  modified_at: (facts?.changed ?? new Date(0)).toISOString(),
  size: facts?.bytes ?? 0,
  // Clients tell models apart by it. Hashing the weights would take minutes, and names are unique here.
  digest: createHash("sha256").update(name).digest("hex"),
  details: detailsOf(facts),
});

const detailsOf = (facts: ModelFacts | undefined) => ({
  parent_model: "",
  format: facts?.format ?? "unknown",
  family: facts?.family ?? "unknown",
  families: facts ? [facts.family] : [],
  parameter_size: facts ? inUnits(facts.numParameters) : "unknown",
  quantization_level: facts?.type.toUpperCase() ?? "unknown",
});

function shown({ tokenizer, style, maxContext }: ServedModel, facts: ModelFacts | undefined): object {
  const family = facts?.family ?? "unknown";
  const thinks = style.form === "tagged" || tokenizer.tokenId("</think>") !== undefined;
  const template = tokenizer.config?.chat_template;
  return {
    modelfile: "",
    parameters: "",
    template: typeof template === "string" ? template : "",
    details: detailsOf(facts),
    model_info: {
      "general.architecture": family,
      ...(facts && { "general.parameter_count": facts.numParameters }),
      [`${family}.context_length`]: maxContext,
    },
    capabilities: ["completion", ...(style.template ? ["tools"] : []), ...(thinks ? ["thinking"] : [])],
    modified_at: (facts?.changed ?? new Date(0)).toISOString(),
  };
}

const UNITS = [
  [1e9, "B"],
  [1e6, "M"],
  [1e3, "K"],
] as const;

function inUnits(count: number): string {
  const [size, unit] = UNITS.find(([each]) => count >= each) ?? [1, ""];
  return `${(count / size).toFixed(size === 1 ? 0 : 1)}${unit}`;
}
