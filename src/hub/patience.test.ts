// How long what failed for a while is tried again.
import { expect, test } from "vitest";
import { HubError } from "../errors.js";
import { Patience, TemporaryFailure } from "./patience.js";

const plan = { retries: 3, firstMs: 1 };
const patienceOf = (notes: string[] = [], signal = new AbortController().signal) =>
  new Patience(plan, signal, (line) => notes.push(line));

test("it ends after so many failures, and progress renews it", async () => {
  const patience = patienceOf();
  const failure = new TemporaryFailure("busy");
  for (let i = 0; i < 3; i++) await patience.after(failure);
  patience.renew();
  for (let i = 0; i < 3; i++) await patience.after(failure);
  await expect(patience.after(failure)).rejects.toBe(failure);
});

test("what another try cannot mend is thrown at once", async () => {
  const error = new HubError("unknown");
  await expect(patienceOf().after(error)).rejects.toBe(error);
});

test("a wait that was asked for is kept and told, a very long one is not waited for", async () => {
  const notes: string[] = [];
  const startedMs = performance.now();
  await patienceOf(notes).after(new TemporaryFailure("busy", 1600));
  expect(performance.now() - startedMs).toBeGreaterThan(1590);
  expect(notes).toEqual(["busy; retrying in 2 s"]);
  const hour = new TemporaryFailure("busy", 3_600_000);
  await expect(patienceOf().after(hour)).rejects.toBe(hour);
});

test("a stop ends the wait", async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error("stopped")), 20);
  await expect(patienceOf([], controller.signal).after(new TemporaryFailure("busy", 60_000))).rejects.toThrow();
});
