// A model that answers without the box it is asked for scores zero: the person is told why.
import { expect, test } from "vitest";
import { unansweredNotice } from "./unanswered.js";

test("where no reply has a box, the notice names the format that needs none", () => {
  expect(unansweredNotice([null, null], "chat")).toBe(
    "none of the 2 replies has its answer in \\boxed{}, so none counts as correct; " +
      "with the prompt format chat-plain, the last number of a reply counts",
  );
});

test("one answer is enough, and other formats ask for no box", () => {
  expect(unansweredNotice([null, "4"], "chat")).toBeNull();
  expect(unansweredNotice([null], "chat-plain")).toBeNull();
  expect(unansweredNotice([null], "r1-zero")).toBeNull();
  expect(unansweredNotice([], "chat")).toBeNull();
});
