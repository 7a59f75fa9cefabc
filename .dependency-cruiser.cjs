// Who may import whom. Checked on the emitted JavaScript in dist/, where type-only imports are gone: what remains
// really loads. Each line below may import the lines above it and its own folder, nothing else.

const { builtinModules } = require("node:module");

const LAYERS = [
  ["src/plain-text", "src/elementary"],
  [
    ...[
      "src/errors",
      "src/random",
      "src/package-root",
      "src/process-start",
      "src/foreign-file",
      "src/time-limit",
      "src/next-turn",
    ],
    ...["src/number-text", "src/url-path", "src/free-memory", "src/cache-folder"],
  ],
  ["src/process-lock", "src/atomic-file", "src/asked-thread", "src/statistics", "src/terminal/", "src/data/"],
  ["src/tensor/", "src/tokenizer/", "src/tasks/", "src/run/"],
  ["src/nn/", "src/optim/", "src/backends/", "src/report/"],
  ["src/models/"],
  ["src/checkpoint/", "src/hub/"],
  ["src/inference/", "src/train/"],
  ["src/eval/", "src/preference/"],
  ["src/rl/", "src/mix/"],
  ["src/distill/"],
  ["src/library/", "src/core/"],
  ["src/index", "recipes/", "src/server/"],
  ["src/cli/"],
];

/** The same inside the layer of inference. */
const INFERENCE_LAYERS = [["runtime/"], ["opening/"], ["conversation/"], ["index"]].map((line) =>
  line.map((name) => `src/inference/${name}`),
);

/** The same inside the tensor layer. */
const TENSOR_LAYERS = [
  ["dtype"],
  ["spec"],
  ["block-formats"],
  ["block-encoders"],
  ["backend"],
  ["pool"],
  ["device"],
  ["tensor"],
  ["op", "parameter"],
  ["engine"],
  ["ops/elementwise"],
  ["tape-node", "ops/"],
  ["replay"],
  ["tape"],
  ["recompute", "view"],
  ["index"],
].map((line) => line.map((name) => `src/tensor/${name}`));

const TESTS = "\\.(test|fixture)\\.js$|^dist/tests/";
/** Matches the files of these parts; nothing for no parts. */
const pattern = (names) =>
  names.length === 0 ? "^$" : `^dist/(${names.map((name) => (name.endsWith("/") ? name : `${name}\\.js`)).join("|")})`;

/** For each part of each line: no import of its neighbours, nor of the lines below. */
function rules(layers) {
  return layers.flatMap((line, i) =>
    line.map((part) => ({
      name: `${part.replace(/^src\/|\/$/g, "")} imports only what stands before it`,
      severity: "error",
      from: { path: pattern([part]), pathNot: [TESTS, ...specifics(layers, part)] },
      to: {
        path: pattern([...line.filter((other) => other !== part), ...layers.slice(i + 1).flat()]),
        // A part with a line of its own further up is not forbidden with the folder around it.
        pathNot: layers
          .slice(0, i)
          .flat()
          .map((above) => pattern([above])),
      },
    })),
  );
}

/** Modules of Node itself, as the tool names them. */
const NODE_MODULES = `^(node:)?(${builtinModules.filter((name) => !name.startsWith("_")).join("|")})$`;

/** Parts that lie inside the folder `part` but have a line of their own. */
const specifics = (layers, part) =>
  layers
    .flat()
    .filter((other) => other !== part && part.endsWith("/") && other.startsWith(part))
    .map((other) => pattern([other]));

module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    { name: "nothing-unresolved", severity: "error", from: {}, to: { couldNotResolve: true } },
    ...rules(LAYERS),
    ...rules(TENSOR_LAYERS),
    ...rules(INFERENCE_LAYERS),
    {
      name: "the core runs without Node: a browser has no such module",
      severity: "error",
      from: { path: "^dist/src/(core|tensor|nn|optim|models)/index\\.js" },
      to: { path: NODE_MODULES, reachable: true },
    },
    {
      name: "only the command line and the library's front door pull models; a mix finds pulled ones",
      severity: "error",
      from: { path: "^dist/(src|recipes|examples)/", pathNot: [TESTS, "^dist/src/(cli|hub|library)/"] },
      to: { path: "^dist/src/hub/", pathNot: "^dist/src/hub/resolve-model\\.js" },
    },
    {
      name: "the hub's library is loaded by the hub's layer alone",
      severity: "error",
      from: { path: "^dist/(src|recipes|examples)/", pathNot: [TESTS, "^dist/src/hub/listing"] },
      to: { path: "node_modules/@huggingface/hub/" },
    },
    {
      name: "finding a pulled model does not load the hub's library",
      severity: "error",
      from: { path: "^dist/src/hub/resolve-model\\.js" },
      to: { path: "node_modules/@huggingface/hub/", reachable: true },
    },
    {
      name: "product-never-imports-tests-or-bench",
      severity: "error",
      from: { path: "^dist/(src|recipes|examples)/", pathNot: TESTS },
      to: { path: `^dist/bench/|${TESTS}` },
    },
    {
      name: "only-declared-packages",
      severity: "error",
      from: { path: "^dist/(src|recipes|examples)/", pathNot: TESTS },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "\\.d\\.ts$|^dist/web/" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node"] },
  },
};
