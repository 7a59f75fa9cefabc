// The environment variables of Hugging Face's tools, read as those read them.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { hubCacheFolder, hubSettings } from "./settings.js";

const folder = mkdtempSync(join(tmpdir(), "luciole-hub-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const env = { HOME: "/someone", HF_TOKEN_PATH: join(folder, "none") };

test.each([
  [{}, "/someone/.cache/huggingface/hub"],
  [{ XDG_CACHE_HOME: "/xdg" }, "/xdg/huggingface/hub"],
  [{ HF_HOME: "~/hf", XDG_CACHE_HOME: "/xdg" }, "/someone/hf/hub"],
  [{ HUGGINGFACE_HUB_CACHE: "/old", HF_HOME: "/hf" }, "/old"],
  [{ HF_HUB_CACHE: "$DISK/models", DISK: "/mnt", HUGGINGFACE_HUB_CACHE: "/old" }, "/mnt/models"],
  [{ HF_HUB_CACHE: "", HF_HOME: "" }, "/someone/.cache/huggingface/hub"],
])("the cache of %j is %s", (more, expected) => {
  expect(hubCacheFolder({ HOME: "/someone", ...more })).toBe(expected);
});

describe("the token", () => {
  test("comes from HF_TOKEN before the file, and both are trimmed", () => {
    const file = join(folder, "token");
    writeFileSync(file, " hf_file\n");
    expect(hubSettings({ ...env, HF_TOKEN_PATH: file }).token).toEqual({ value: "hf_file", source: file });
    expect(hubSettings({ ...env, HF_TOKEN_PATH: file, HF_TOKEN: "hf_own\n" }).token).toEqual({
      value: "hf_own",
      source: "HF_TOKEN",
    });
    expect(hubSettings({ ...env, HF_TOKEN_PATH: file, HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" }).token).toBeNull();
    expect(hubSettings(env).token).toBeNull();
  });
  test("that is none is refused without being repeated", () => {
    expect(() => hubSettings({ ...env, HF_TOKEN: "hf secret" })).toThrow(
      /^HF_TOKEN: expected one token \(hf_…\), got text with spaces/,
    );
  });
});

test("an endpoint may have a path, and no password", () => {
  expect(hubSettings({ ...env, HF_ENDPOINT: "https://mirror.example/hf/" }).endpoint).toBe("https://mirror.example/hf");
  expect(hubSettings(env).endpoint).toBe("https://huggingface.co");
  for (const HF_ENDPOINT of ["mirror.example", "ftp://mirror.example", "https://me:secret@mirror.example"]) {
    expect(() => hubSettings({ ...env, HF_ENDPOINT })).toThrow(/HF_ENDPOINT: expected a URL/);
    expect(() => hubSettings({ ...env, HF_ENDPOINT })).not.toThrow(/secret/);
  }
});

test("offline is said by HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE", () => {
  const isOffline = (more: Record<string, string>) => hubSettings({ ...env, ...more }).isOffline;
  expect([
    isOffline({ HF_HUB_OFFLINE: "1" }),
    isOffline({ HF_HUB_OFFLINE: "True" }),
    isOffline({ TRANSFORMERS_OFFLINE: "yes" }),
  ]).toEqual([true, true, true]);
  expect([isOffline({}), isOffline({ HF_HUB_OFFLINE: "0" })]).toEqual([false, false]);
});

test("a timeout is seconds that a timer can count; others are refused", () => {
  const stallMs = (text?: string) => hubSettings({ ...env, HF_HUB_DOWNLOAD_TIMEOUT: text }).stallMs;
  expect([stallMs(), stallMs("0.5"), stallMs("86400")]).toEqual([30_000, 500, 86_400_000]);
  for (const text of ["1e99", "86401", "0", "-1", "NaN", "soon"]) {
    expect(() => stallMs(text)).toThrow(
      `HF_HUB_DOWNLOAD_TIMEOUT: expected a number of seconds above 0 and up to 86400, got "${text}"`,
    );
  }
});
