// The documentation tried out: every command and program of README.md and docs/, in order, in an empty project with the
// packed package, by what a reader has by then. Hugging Face is a server on this machine that holds one tiny model
// under the names the pages use. A fence may be preceded by `<!-- trial: skip: why -->` or `<!-- trial: instead:
// command -->`.
import { execFile, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

const PAGES = [
  "README.md",
  "docs/install.md",
  "docs/chat.md",
  "docs/tune.md",
  "docs/distil.md",
  "docs/environments.md",
  "docs/train.md",
  "docs/library.md",
];
const COMMAND_LIMIT_MS = 600_000;
const run = promisify(execFile);

/** Repositories on the hub of the trial, by the names that the pages use. */
const DIRECTORIES = ["deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", "HuggingFaceTB/SmolLM2-135M-Instruct"];
const DATASETS = ["openai/gsm8k"];
const GGUFS = { "unsloth/DeepSeek-R1-Distill-Qwen-7B-GGUF": "DeepSeek-R1-Distill-Qwen-7B-Q4_K_M.gguf" };

/** A data set in two splits of one configuration. */
function questions() {
  const split = (from) =>
    Array.from({ length: 30 }, (_, i) => `{"question":"${from + i} + 1 = ?","answer":"So\\n#### ${from + i + 1}"}\n`);
  return Object.fromEntries(
    ["train", "test"].map((name, i) => [`main/${name}.jsonl`, Buffer.from(split(100 * i).join(""))]),
  );
}

/** A page's fences in order: language, file name if one stands behind it, text, and what the trial is told about it. */
export function fencesOf(markdown) {
  const pattern = /(?:<!-- trial: (skip|instead): ((?:(?!-->)[\s\S])*?)\s*-->\n)?```(\w+)(?: (\S+))?\n([\s\S]*?)```/g;
  return [...markdown.matchAll(pattern)].map(([, directive, argument, language, file, text]) => ({
    directive,
    argument: argument?.replaceAll(/\s*\n\s*/g, " "),
    language,
    file,
    text,
  }));
}

/** A page's commands, a line each, continuation lines joined, comments left out. */
export const commandsOf = (text) =>
  text
    .replaceAll(/\\\n\s*/g, "")
    .split("\n")
    .map((line) => line.replace(/\s+#.*$/, "").trim())
    .filter((line) => line !== "" && !line.startsWith("#"));

/** An empty project with the packed package, and a home beside it. */
async function newProject(root, folder) {
  const project = join(folder, "project");
  mkdirSync(project);
  mkdirSync(join(folder, "home", "models"), { recursive: true });
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "trial", type: "module" }));
  const { stdout } = await run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder], {
    cwd: root,
  });
  await run(
    "npm",
    [
      "install",
      "--silent",
      "--no-audit",
      "--no-fund",
      "--prefer-offline",
      join(folder, stdout.trim().split("\n").at(-1)),
    ],
    { cwd: project },
  );
  return project;
}

/** The tiny model in both formats, and a hub that serves it. */
async function startHub(root, folder) {
  const load = (path) => import(pathToFileURL(join(root, "dist", "tests", path)).href);
  const [{ HubServer }, { teachModel }] = await Promise.all([load("hub/hub-server.js"), load("e2e/taught-model.js")]);
  const taught = join(folder, "taught");
  mkdirSync(taught);
  await teachModel(taught);
  const gguf = join(folder, "home", "models", GGUFS["unsloth/DeepSeek-R1-Distill-Qwen-7B-GGUF"]);
  await run(process.execPath, [
    join(root, "dist/src/cli/main.js"),
    "convert",
    join(taught, "model"),
    gguf,
    "--type",
    "q8_0",
  ]);
  const checkpoints = join(taught, "model", "checkpoints");
  const newest = join(checkpoints, readdirSync(checkpoints).sort().at(-1));
  const wanted = readdirSync(newest).filter((name) =>
    /^(config|tokenizer|tokenizer_config)\.json$|^model\.safetensors$/.test(name),
  );
  const files = Object.fromEntries(wanted.map((name) => [name, readFileSync(join(newest, name))]));
  const repositories = [
    ...DIRECTORIES.map((name) => [name, { files }]),
    ...DATASETS.map((name) => [`datasets/${name}`, { files: questions() }]),
    ...Object.entries(GGUFS).map(([name, file]) => [name, { files: { [file]: readFileSync(gguf) } }]),
  ];
  return HubServer.start(Object.fromEntries(repositories));
}

/**
 * Runs a command line; what a person would type is on standard input. Rejects with its output when it fails or takes
 * too long.
 */
function perform(command, cwd, env) {
  return new Promise((resolve, reject) => {
    const child = spawn("bash", ["-c", command], {
      cwd,
      env,
      stdio: ["pipe", "pipe", "pipe"],
      timeout: COMMAND_LIMIT_MS,
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk) => {
        output += chunk;
      });
    child.stdin.on("error", () => {});
    child.stdin.end("What is 7*8?\n");
    child.on("error", reject);
    child.on("close", (code, signal) =>
      code === 0 ? resolve(output) : reject(new Error(`${code ?? signal}: ${output.trim().slice(-1500)}`)),
    );
  });
}

/** The programs of a page as one: the first declares what the others use, each of which is a block of its own. */
export function programOf(fences) {
  const imports = new Set();
  const bodies = fences.map(({ text }) => {
    const lines = text.split("\n");
    for (const line of lines.filter((each) => each.startsWith("import "))) imports.add(line);
    return lines.filter((each) => !each.startsWith("import ")).join("\n");
  });
  const [first = "", ...rest] = bodies;
  // The first program ends by disposing what the others go on with.
  const beginning = first.replace("await model.dispose();", "");
  const blocks = rest.map((body) => `{\n${body}\n}`);
  return [...imports, beginning, ...blocks, "await model.dispose();\n"].join("\n");
}

async function tryPrograms(page, fences, project, env) {
  const name = `program-${page.replaceAll(/\W/g, "-")}`;
  writeFileSync(join(project, `${name}.ts`), programOf(fences));
  // Node 20 does not read TypeScript; the package that luciole loads rewards with does.
  const loader = `import { createJiti } from "jiti"; await createJiti(import.meta.url).import("./${name}.ts");`;
  writeFileSync(join(project, `${name}.mjs`), loader);
  await perform(`node ${name}.mjs`, project, env);
}

async function tryPage(root, page, project, env, note) {
  const fences = fencesOf(readFileSync(join(root, page), "utf8"));
  const programs = fences.filter(
    ({ language, text }) => language === "ts" && !/^\/\/ \S+\.ts$/m.test(text.split("\n")[0]),
  );
  for (const { language, file, text } of fences) {
    const name = file ?? /^\/\/ (\S+\.ts)\n/.exec(text)?.[1];
    if (name && language !== "sh") writeFileSync(join(project, name), text);
  }
  const newestRun = () =>
    readdirSync(join(project, "runs"))
      .map((name) => `runs/${name}`)
      .at(-1);
  for (const { language, directive, argument, text } of fences) {
    if (language !== "sh") continue;
    const commands = directive === "skip" ? [] : directive === "instead" ? [argument] : commandsOf(text);
    for (const command of commands)
      await note(`${page}: ${command}`, () =>
        perform(
          command.replaceAll("runs/<name>", () => newestRun()),
          project,
          env,
        ),
      );
  }
  const runnable = programs.filter(({ directive, text }) => directive !== "skip" && /await /.test(text));
  if (runnable.length > 0)
    await note(`${page}: ${runnable.length} programs`, () => tryPrograms(page, runnable, project, env));
}

/** Tries all pages. Gives how many commands and programs went well, and what went wrong. */
export async function tryDocumentation(root) {
  const folder = mkdtempSync(join(tmpdir(), "luciole-trial-"));
  const failures = [];
  let passed = 0;
  let hub;
  const note = async (what, action) => {
    try {
      await action();
      passed++;
    } catch (error) {
      failures.push(`${what}\n    ${error.message.replaceAll("\n", "\n    ")}`);
    }
  };
  try {
    const project = await newProject(root, folder);
    hub = await startHub(root, folder);
    copyFileSync(join(root, "examples", "own-task.jsonl"), join(project, "own-task.jsonl"));
    writeFileSync(join(project, "book.txt"), readFileSync(join(root, "ARCHITECTURE.md"), "utf8").repeat(3));
    const path = [join(project, "node_modules", ".bin"), process.env.PATH].join(delimiter);
    const env = {
      ...process.env,
      PATH: path,
      HOME: join(folder, "home"),
      HF_HOME: join(folder, "hf"),
      HF_ENDPOINT: hub.url,
      NO_COLOR: "1",
      CI: "1",
      // The package builds its kernels at their first use; from the same sources it need not compile them once more.
      LUCIOLE_OBJECTS: join(root, "build", "native"),
    };
    for (const name of ["LUCIOLE_KERNELS", "XDG_CACHE_HOME", "npm_command"]) delete env[name];
    for (const page of PAGES) await tryPage(root, page, project, env, note);
  } finally {
    await hub?.close();
    rmSync(folder, { recursive: true, force: true });
  }
  return { passed, failures };
}

if (process.argv[1]?.endsWith("trial.mjs")) {
  const { passed, failures } = await tryDocumentation(join(import.meta.dirname, ".."));
  for (const failure of failures) console.error(failure);
  console.log(`${passed} passed, ${failures.length} failed`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}
