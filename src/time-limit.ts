// Stops synchronous work that takes too long: regular expressions that backtrack, templates that loop. Node alone can
// do that: in a browser, whose page asks its user about a script that hangs, the work runs without a limit.

/** Node's module, asked for in a way that a program for browsers may contain. */
const vm = globalThis.process?.getBuiltinModule?.("node:vm");
const context = vm?.createContext({ body: () => {} });
const script = vm && new vm.Script("body()");

/**
 * Runs `body` and gives its result; calls `onTimeout`, whose error is thrown, once it has run for `limitMs`. Costs a
 * tenth of a millisecond.
 */
export function withinTime<R>(limitMs: number, body: () => R, onTimeout: () => Error): R {
  if (!context || !script) return body();
  let result: R | undefined;
  context.body = () => {
    result = body();
  };
  try {
    script.runInContext(context, { timeout: Math.ceil(limitMs) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") throw onTimeout();
    throw error;
  }
  return result as R;
}
