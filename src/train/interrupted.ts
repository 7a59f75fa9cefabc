// The one way a run ends early on request: not an error of anybody's.

/** Thrown when a run was asked to stop, after its state was saved. Whoever started the run says how to go on. */
export class Interrupted extends Error {
  constructor() {
    super("stopped on request");
  }
}
