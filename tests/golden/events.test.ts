// TensorBoard's event files: byte for byte those of its own writer (event_vectors.py).
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { eventRecord, fileHeader, type ScalarEvent } from "../../src/run/event-file.js";

const { header, events, records } = JSON.parse(readFileSync(new URL("events.json", import.meta.url), "utf8")) as {
  header: number;
  events: ScalarEvent[];
  records: string[];
};

test("header and events are TensorBoard's", () => {
  const ours = [fileHeader(header), ...events.map(eventRecord)];
  expect(ours.map((record) => record.toString("base64"))).toEqual(records);
});
