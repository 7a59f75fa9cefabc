// Which weights of a model train, by name.
import { beforeEach, expect, test } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { ConfigError } from "../errors.js";
import { Device, setDefaultDevice } from "../tensor/device.js";
import { ParameterSet } from "./parameters.js";
import { TrainChoice } from "./trains.js";

beforeEach(() => setDefaultDevice(new Device(createReferenceBackend())));

const fused = {
  name: "gate_up",
  shape: [4, 2],
  init: { std: 1 },
  parts: [
    { name: "layers.0.gate.weight", shape: [2, 2] },
    { name: "layers.0.up.weight", shape: [2, 2] },
  ],
};

test("a pattern chooses by whole names, with * for any text", () => {
  const choice = new TrainChoice(["*.gate.weight", "norm"]);
  expect(choice.of(["layers.0.gate.weight"])).toBe(true);
  expect(choice.of(["layers.0.gate.weight.more"])).toBe(false);
  expect(choice.of(["layersX0XgateXweight"])).toBe(false);
  expect(choice.of(["norm"])).toBe(true);
});

test("all, none and a function choose too", () => {
  expect(new TrainChoice("all").of(["a"])).toBe(true);
  expect(new TrainChoice("none").of(["a"])).toBe(false);
  expect(new TrainChoice((name) => name === "a").of(["a"])).toBe(true);
});

test("parts of one matrix train together or not at all", () => {
  expect(() => new TrainChoice(["*.gate.*"]).of(fused.parts.map(({ name }) => name))).toThrow(
    "layers.0.gate.weight trains but layers.0.up.weight does not",
  );
});

test("a pattern that matches nothing is refused", () => {
  const choice = new TrainChoice(["*.gate.*", "*.gat.*"]);
  choice.of(["layers.0.gate.weight"]);
  expect(() => choice.refuseUnused()).toThrow(ConfigError);
  expect(() => choice.refuseUnused()).toThrow('no weight of the model matches "*.gat.*"');
});

test("a frozen weight with a seed has the initial values of a trained one, and takes no gradient", async () => {
  const set = new ParameterSet({ compute: "bf16", seed: 3, trains: ["w"] });
  const [w, frozen] = ["w", "frozen"].map((name) => set.matrix({ name, shape: [4, 6], init: { std: 1 } }));
  set.refuseUnusedPatterns();
  expect(set.trained()).toEqual([w.master]);
  expect(set.numTrained).toBe(24);
  expect(set.numParameters).toBe(48);
  expect(frozen.numbers().requiresGrad).toBe(false);
  expect(set.memory()).toEqual({ values: 2 * 96, copies: 2 * 48, gradient: 96 });
  const trained = new ParameterSet({ compute: "bf16", seed: 3 }).matrix({
    name: "frozen",
    shape: [4, 6],
    init: { std: 1 },
  });
  expect(await frozen.master?.data()).toEqual(await trained.master?.data());
});
