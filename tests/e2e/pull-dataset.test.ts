// `luciole pull --dataset` from outside, against a hub on this machine: the files of a split, where Hugging Face's own
// tools look for them, and found by name without a network.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { resolveDataset } from "../../src/hub/index.js";
import { headOf, oneLine, type PullAnswer, PullingPlace, REPOSITORIES } from "../hub/pulling-place.js";

vi.setConfig({ testTimeout: 120_000 });
const place = new PullingPlace();
const paths = ({ files }: PullAnswer) => files.map(({ path }) => path).sort();
const found = (name: string) =>
  resolveDataset(name, place.environment())?.map((path) => path.slice(place.home.length + 1));

test("a pull brings the data files of all splits into the cache's place for data sets", async () => {
  const answer = await place.pulled(["--dataset", "org/talks"]);
  expect(paths(answer)).toEqual(["test.jsonl", "train.jsonl"]);
  const folder = join("hub", "datasets--org--talks", "snapshots", headOf("datasets/org/talks"));
  expect(answer.folder).toBe(join(place.home, folder));
  for (const path of paths(answer))
    expect(readFileSync(join(answer.folder, path))).toEqual(REPOSITORIES["datasets/org/talks"].files[path]);
  expect(place.hub.seen.map(({ path }) => path.replace(/\?.*/, "").replace(/[0-9a-f]{40}/, "…"))).toEqual(
    expect.arrayContaining([
      "/api/datasets/org/talks/revision/main",
      "/api/datasets/org/talks/tree/…",
      "/datasets/org/talks/resolve/…/train.jsonl",
    ]),
  );
  expect(found("org/talks")).toEqual([join(folder, "train.jsonl")]);
  expect(found("org/talks:test")).toEqual([join(folder, "test.jsonl")]);
});

test("one split of one configuration is brought, by name or by the address of its page", async () => {
  const asked = "https://huggingface.co/datasets/org/grades:main/train";
  const answer = await place.pulled([asked]);
  expect(paths(answer)).toEqual(["main/train-00000-of-00002.parquet", "main/train-00001-of-00002.parquet"]);
  // Both have the same content: one blob.
  expect(answer.fetchedBytes).toBe(answer.totalBytes / 2);
  expect(found("org/grades")?.map((path) => path.slice(-16))).toEqual(
    ["-of-00002.parquet", "-of-00002.parquet"].map((end) => end.slice(-16)),
  );
  expect(() => found("org/grades:test")).toThrow(
    /the pulled part of org\/grades has no split "test".*it has: main\/train/,
  );
});

test("offline, what was pulled serves and the rest is refused with what to do", async () => {
  await place.pulled(["--dataset", "org/talks:test"]);
  place.hub.forget();
  const answer = await place.pulled(["--dataset", "org/talks:test"], { HF_HUB_OFFLINE: "1" });
  expect(paths(answer)).toEqual(["test.jsonl"]);
  expect(place.hub.seen).toEqual([]);
  const other = await place.pull(["--dataset", "org/talks:train"], { HF_HUB_OFFLINE: "1" });
  expect(oneLine(other)).toMatch(/org\/talks has no split "train"/);
  expect(() => found("org/none")).toThrow(
    /no such file and no such pulled data set; pull it with: .* pull --dataset org\/none/,
  );
  expect(found("./none.jsonl")).toBeUndefined();
});

test("parts that are missing from the cache are named with the pull to go on with", async () => {
  await place.pulled(["--dataset", "org/grades", "--include", "main/train-00000*"]);
  expect(() => found("org/grades")).toThrow(
    /org\/grades: only partly pulled, 1 of its files missing; continue with: .*--dataset/,
  );
});

test.each([
  [
    ["--dataset", "org/grades"],
    /org\/grades has several configurations; choose one, for example org\/grades:main\/test/,
  ],
  [["--dataset", "org/talks:dev"], /org\/talks has no split "dev"; it has: test, train/],
  [["--dataset", "org/images"], /org\/images has no JSONL, JSON, CSV, TSV or Parquet files/],
  [["--dataset", "org/gated"], /org\/gated is gated: accept its terms at http.*\/datasets\/org\/gated, create a token/],
  [["--dataset", "org/tiny"], /there is no data set org\/tiny at http/],
  [["org/talks"], /there is no model org\/talks at http/],
  [["--dataset", "a b"], /expected the name of a data set such as openai\/gsm8k/],
])("pull %j is refused in one line", async (args, message) => {
  const ended = await place.pull(args);
  expect(ended.code).toBeGreaterThan(0);
  expect(oneLine(ended)).toMatch(message);
});
