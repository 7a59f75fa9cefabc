// Writes config.json and generation_config.json of the released shapes and the golden cases as the product writes them,
// for strict_configs.py. node write-configs.mjs FOLDER, after `npm run build`.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const load = (path) => import(new URL(`../../dist/src/${path}`, import.meta.url).href);
const { hfJson } = await load("checkpoint/hf-json.js");
const { parseHfConfig, toHfConfigJson } = await load("models/hf-config.js");
const { PUBLISHED_SHAPES, publishedConfig } = await load("models/published.js");

const folder = process.argv[2];
const cases = fileURLToPath(new URL("cases", import.meta.url));
const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));
const configs = [
  ...PUBLISHED_SHAPES.map((name) => [name, publishedConfig(name)]),
  ...readdirSync(cases).map((name) => [name, parseHfConfig(readJson(join(cases, name, "config.json")))]),
  ...readJson(new URL("rope.json", import.meta.url)).rows.map(({ name, config }) => [name, parseHfConfig(config)]),
];
for (const [name, config] of configs) {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "config.json"), hfJson(toHfConfigJson(config), name));
  const generation = { do_sample: true, temperature: 1, top_p: 1, eos_token_id: [1, 2] };
  writeFileSync(join(path, "generation_config.json"), hfJson(generation, name));
}
