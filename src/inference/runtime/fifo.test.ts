// A queue of values: order, and what it keeps of those that were taken.
import { expect, test } from "vitest";
import { Fifo } from "./fifo.js";

test("values come out in the order in which they went in", () => {
  const fifo = new Fifo<number>();
  fifo.push(1, 2);
  expect([fifo.take(), fifo.length]).toEqual([1, 1]);
  fifo.push(3);
  expect([fifo.take(), fifo.take(), fifo.take(), fifo.length]).toEqual([2, 3, undefined, 0]);
});

test("one that is never empty lets go of what was taken", () => {
  const fifo = new Fifo<number>();
  fifo.push(0);
  for (let i = 1; i < 10_000; i++) {
    fifo.push(i);
    expect(fifo.take()).toBe(i - 1);
  }
  expect(fifo.length).toBe(1);
  expect((fifo as unknown as { values: number[] }).values.length).toBeLessThan(2000);
});
