// Claims about options that a run recorded under former names.
import { expect, it } from "vitest";
import { withCurrentNames } from "./options.js";

it("a run that recorded whether advantages were scaled goes on as it was", () => {
  const scaling = (recorded: unknown) => withCurrentNames({ rl: { steps: 3, scaleRewards: recorded } }).rl;
  expect(scaling(true)).toEqual({ steps: 3, scaleRewards: "group" });
  expect(scaling(false)).toEqual({ steps: 3, scaleRewards: "none" });
  expect(scaling("batch")).toEqual({ steps: 3, scaleRewards: "batch" });
  expect(withCurrentNames({ rl: { steps: 3 } }).rl).toEqual({ steps: 3 });
});
