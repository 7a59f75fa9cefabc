// What runs inside the JavaScript interpreter beside a program: what Node would give it, and the encoding of values.
// Its text is evaluated there; it is no module of ours.

/**
 * A function of the host's two functions, `write(fileNumber, text)` and `callProgram(text)`. It gives
 * `prepare(command)` and `run(command)`, between which the host evaluates the program, and `next()`, which runs the
 * next timer and says whether there was one.
 */
export const JAVASCRIPT_DRIVER = String.raw`
((write, callProgram) => {
  "use strict";
  const { stringify, parse } = JSON;
  const evaluate = (code) => (0, eval)(code);
  const raisedBy = (error) => {
    try {
      if (error instanceof Error) return { name: String(error.name), message: String(error.message) };
      return { name: "Error", message: "thrown: " + String(error) };
    } catch {
      return { name: "Error", message: "an error that cannot be shown" };
    }
  };

  // ---- values as text
  const classOf = (value) => Object.prototype.toString.call(value).slice(8, -1);
  const entriesOf = (value) => Object.keys(value).map((key) => [key, value[key]]);
  const isOrdinary = (value) => classOf(value) === "Object" && typeof value.then !== "function";
  const refuse = (value, form) => {
    const what = typeof value === "function" ? "function" : classOf(value);
    throw new TypeError("a value of the kind " + what + " is no " + form + " value");
  };
  const toJson = (value) => {
    if (value === undefined || value === null) return "null";
    if (typeof value === "bigint" || typeof value === "number" || typeof value === "boolean") return String(value);
    if (typeof value === "string") return stringify(value);
    if (Array.isArray(value)) return "[" + value.map(toJson).join(",") + "]";
    if (typeof value !== "object" || !isOrdinary(value)) refuse(value, "JSON");
    return (
      "{" +
      entriesOf(value)
        .map(([key, each]) => stringify(key) + ":" + toJson(each))
        .join(",") +
      "}"
    );
  };
  const toPlain = (value) => {
    if (value === null || typeof value === "string" || typeof value === "boolean") return value;
    if (value === undefined) return ["undefined"];
    if (typeof value === "number")
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : ["number", Object.is(value, -0) ? "-0" : String(value)];
    if (typeof value === "bigint") return ["bigint", String(value)];
    if (Array.isArray(value)) return ["array", value.map(toPlain)];
    if (value instanceof Map) return ["map", [...value].map(([key, each]) => [toPlain(key), toPlain(each)])];
    if (value instanceof Set) return ["set", [...value].map(toPlain)];
    if (value instanceof Date) return ["date", value.getTime()];
    if (typeof value !== "object" || !isOrdinary(value)) refuse(value, "plain");
    return ["object", entriesOf(value).map(([key, each]) => [key, toPlain(each)])];
  };
  const fromPlain = (value) => {
    if (!Array.isArray(value)) return value;
    const [kind, content] = value;
    switch (kind) {
      case "undefined":
        return undefined;
      case "number":
        return Number(content);
      case "bigint":
        return BigInt(content);
      case "array":
        return content.map(fromPlain);
      case "map":
        return new Map(content.map(([key, each]) => [fromPlain(key), fromPlain(each)]));
      case "set":
        return new Set(content.map(fromPlain));
      case "date":
        return new Date(content);
      default: {
        const object = {};
        for (const [key, each] of content)
          Object.defineProperty(object, key, {
            value: fromPlain(each),
            writable: true,
            enumerable: true,
            configurable: true,
          });
        return object;
      }
    }
  };

  // ---- what Node gives a program
  const show = (value, depth = 0) => {
    if (typeof value === "string") return depth === 0 ? value : "'" + value + "'";
    if (typeof value === "bigint") return value + "n";
    if (Object.is(value, -0)) return "-0";
    if (typeof value === "function") return "[Function: " + (value.name || "(anonymous)") + "]";
    if (value === null || typeof value !== "object") return String(value);
    if (value instanceof Error) return String(value.stack || value);
    if (depth > 2) return Array.isArray(value) ? "[Array]" : "[Object]";
    const items = (all) => all.map((each) => show(each, depth + 1)).join(", ");
    if (Array.isArray(value)) return value.length ? "[ " + items(value) + " ]" : "[]";
    if (value instanceof Set)
      return "Set(" + value.size + ") {" + (value.size ? " " + items([...value]) + " " : "") + "}";
    if (value instanceof Map) {
      const pairs = [...value].map(([key, each]) => show(key, depth + 1) + " => " + show(each, depth + 1));
      return "Map(" + value.size + ") {" + (pairs.length ? " " + pairs.join(", ") + " " : "") + "}";
    }
    const pairs = entriesOf(value).map(
      ([key, each]) => (/^[\w$]+$/.test(key) ? key : "'" + key + "'") + ": " + show(each, depth + 1),
    );
    return pairs.length ? "{ " + pairs.join(", ") + " }" : "{}";
  };
  const format = (first, ...rest) => {
    if (typeof first !== "string") return [first, ...rest].map((each) => show(each)).join(" ");
    const text = first.replace(/%[sdifjoO%]/g, (mark) => {
      if (mark === "%%") return "%";
      if (rest.length === 0) return mark;
      const value = rest.shift();
      if (mark === "%d") return String(Number(value));
      if (mark === "%i") return String(Math.trunc(Number(value)));
      if (mark === "%f") return String(Number(value));
      return mark === "%j" ? stringify(value) : show(value, mark === "%s" ? 0 : 1);
    });
    return [text, ...rest.map((each) => show(each))].join(" ");
  };
  const print = (...values) => write(1, format(...values) + "\n");
  const printError = (...values) => write(2, format(...values) + "\n");
  class Exit {
    constructor(code) {
      this.code = code;
    }
  }

  const timers = [];
  let numTimers = 0;
  const later = (body, delay, args, every) => {
    const timer = { number: ++numTimers, at: Math.max(0, Number(delay) || 0) + now, body, args, every };
    timers.push(timer);
    return timer.number;
  };
  let now = 0;
  const clear = (number) => {
    const found = timers.findIndex((timer) => timer.number === number);
    if (found >= 0) timers.splice(found, 1);
  };
  const tick = () => {
    if (timers.length === 0) return false;
    timers.sort((a, b) => a.at - b.at || a.number - b.number);
    const timer = timers.shift();
    now = timer.at;
    if (timer.every !== undefined) timers.push({ ...timer, number: timer.number, at: now + Math.max(1, timer.every) });
    timer.body(...timer.args);
    return true;
  };

  const offer = (input) => {
    const lines = () => (input === "" ? [] : input.replace(/\n$/, "").split("\n"));
    let unread;
    const nextLine = () => (unread ??= lines()).shift() ?? null;
    const listeners = (feed) => {
      const heard = {};
      let isFed = false;
      const on = (event, listener) => {
        (heard[event] ??= []).push(listener);
        if (!isFed) {
          isFed = true;
          later(() => feed((name, ...args) => (heard[name] ?? []).forEach((each) => each(...args))), 0, []);
        }
        return api;
      };
      const api = {
        on,
        once: on,
        addListener: on,
        close() {
          (heard.close ?? []).splice(0).forEach((each) => each());
          return api;
        },
      };
      return api;
    };
    const stdin = Object.assign(
      listeners((say) => {
        if (input !== "") say("data", input);
        say("end");
        say("close");
      }),
      {
        fd: 0,
        isTTY: false,
        setEncoding() {
          return stdin;
        },
        resume() {
          return stdin;
        },
        pause() {
          return stdin;
        },
        async *[Symbol.asyncIterator]() {
          if (input !== "") yield input;
        },
      },
    );
    const createInterface = () => {
      const reader = listeners((say) => {
        lines().forEach((line) => say("line", line));
        say("close");
      });
      return Object.assign(reader, {
        question(query, answer) {
          write(1, query);
          later(() => answer(nextLine() ?? ""), 0, []);
        },
        prompt() {},
        setPrompt() {},
        async *[Symbol.asyncIterator]() {
          for (;;) {
            const line = nextLine();
            if (line === null) return;
            yield line;
          }
        },
      });
    };
    const stream = (number) => ({
      write(text) {
        write(number, String(text));
        return true;
      },
      end() {},
      isTTY: false,
    });
    const process = {
      stdin,
      stdout: stream(1),
      stderr: stream(2),
      argv: ["node", "program.js"],
      env: {},
      platform: "linux",
      version: "v20.0.0",
      exit(code = 0) {
        throw new Exit(code);
      },
      exitCode: 0,
      on() {
        return process;
      },
      nextTick: (body, ...args) => {
        Promise.resolve().then(() => body(...args));
      },
      hrtime: Object.assign(() => [Math.trunc(Date.now() / 1000), 0], { bigint: () => BigInt(Date.now()) * 1000000n }),
      memoryUsage: () => ({ heapUsed: 0, heapTotal: 0, rss: 0 }),
      uptime: () => 0,
      cwd: () => "/",
    };
    const readFileSync = (file, options) => {
      if (file !== 0 && file !== "/dev/stdin")
        throw new Error("ENOENT: no such file or directory, open '" + file + "'");
      if (options) return input;
      return { toString: () => input, length: input.length };
    };
    const assert = (() => {
      const fail = (message) => {
        throw Object.assign(new Error(message), { name: "AssertionError" });
      };
      const same = (a, b) => stringify(toPlain(a)) === stringify(toPlain(b));
      const sameLoosely = (a, b) => a == b || same(a, b);
      const ok = (value, message) => {
        if (!value) fail(message ?? "expected a true value, got " + show(value, 1));
      };
      const compare = (test, wanted) => (a, b, message) => {
        if (test(a, b) !== wanted)
          fail(message ?? "expected " + (wanted ? "" : "other than ") + show(b, 1) + ", got " + show(a, 1));
      };
      const throws = (body) => {
        try {
          body();
        } catch {
          return;
        }
        fail("expected an error");
      };
      return Object.assign((...args) => ok(...args), {
        ok,
        throws,
        equal: compare((a, b) => a == b, true),
        notEqual: compare((a, b) => a == b, false),
        strictEqual: compare(Object.is, true),
        notStrictEqual: compare(Object.is, false),
        deepEqual: compare(sameLoosely, true),
        deepStrictEqual: compare(same, true),
        notDeepEqual: compare(sameLoosely, false),
        notDeepStrictEqual: compare(same, false),
        fail,
      });
    })();
    assert.strict = assert;
    const modules = {
      fs: { readFileSync, existsSync: (file) => file === "/dev/stdin" },
      readline: { createInterface },
      process,
      assert,
      util: { inspect: (value) => show(value, 1), format },
      os: { EOL: "\n" },
      perf_hooks: { performance: { now: () => Date.now() } },
    };
    const require = (name) => {
      const found = modules[String(name).replace(/^node:/, "")];
      if (!found) throw new Error("Cannot find module '" + name + "'");
      return found;
    };
    const module = { exports: {} };
    const consoleOf = {
      log: print,
      info: print,
      debug: print,
      error: printError,
      warn: printError,
      trace: printError,
      table: print,
      dir: print,
      time() {},
      timeEnd() {},
      group() {},
      groupEnd() {},
      assert(value, ...message) {
        if (!value) printError("Assertion failed" + (message.length ? ": " + format(...message) : ""));
      },
    };
    Object.assign(globalThis, {
      console: consoleOf,
      process,
      require,
      module,
      exports: module.exports,
      global: globalThis,
      print,
      readline: nextLine,
      prompt: nextLine,
      structuredClone: (value) => fromPlain(toPlain(value)),
      setTimeout: (body, delay, ...args) => later(body, delay, args),
      setInterval: (body, delay, ...args) => later(body, delay, args, Math.max(1, Number(delay) || 1)),
      setImmediate: (body, ...args) => later(body, 0, args),
      clearTimeout: clear,
      clearInterval: clear,
      clearImmediate: clear,
      queueMicrotask: (body) => {
        Promise.resolve().then(body);
      },
    });
    return { consoleOf, assert, process, module };
  };

  // ---- the commands
  let module;
  const find = (name) => {
    if (!/^[\w$]+(\.[\w$]+)?$/.test(name)) throw new ReferenceError(name + " is no function's name");
    const [first, method] = name.split(".");
    let value;
    try {
      value = evaluate(first);
    } catch {
      value = module?.exports?.[first];
    }
    if (value === undefined) throw new ReferenceError(first + " is not defined");
    if (!method) return value;
    const object = new value();
    return object[method].bind(object);
  };
  const isFunction = (name) => {
    try {
      return typeof find(name) === "function";
    } catch {
      return false;
    }
  };
  const DECLARED = /^(?:export\s+)?(?:async\s+)?(?:function\s*\*?|const|let|var)\s+([\w$]+)/gm;

  const proxyOf =
    (name) =>
    (...args) => {
      const { value, raised } = parse(callProgram(stringify([name, stringify(toPlain(args))])));
      if (raised) throw Object.assign(new Error(raised.message), { name: raised.name });
      return fromPlain(parse(value));
    };
  /** What happens before the program's text, or the test code, is evaluated. */
  const preparations = {
    main({ input }) {
      offer(input);
    },
    load() {
      module = offer("").module;
    },
    call() {},
    check({ names }) {
      const { consoleOf, assert } = offer("");
      consoleOf.assert = (value, ...message) => assert(value, message.length ? format(...message) : undefined);
      globalThis.assert = assert;
      for (const each of names) if (!(each in globalThis)) globalThis[each] = proxyOf(each);
    },
  };
  /** What happens after it. */
  const commands = {
    main: () => "",
    load: ({ program }) =>
      stringify([...new Set([...program.matchAll(DECLARED)].map((found) => found[1]))].filter(isFunction)),
    call({ function: name, arguments: text, form }) {
      if (form === "plain") return stringify(toPlain(find(name)(...fromPlain(parse(text)))));
      const args = text
        .split("\n")
        .filter((line) => line.trim() !== "")
        .map((line) => parse(line));
      return toJson(find(name)(...args));
    },
    check({ function: name }) {
      if (name !== null) evaluate("check")(proxyOf(name));
      return "";
    },
  };
  const prepare = (text) => {
    const command = parse(text);
    preparations[command.do](command);
    return "{}";
  };
  const attempt = (body) => {
    try {
      return stringify(body());
    } catch (error) {
      if (error instanceof Exit) return stringify({ raised: { name: "exit", message: "exit code " + error.code } });
      return stringify({ raised: raisedBy(error) });
    }
  };
  const run = (text) =>
    attempt(() => {
      const command = parse(text);
      return { value: commands[command.do](command) };
    });
  const next = () => attempt(() => ({ more: tick() }));
  return { prepare, run, next };
})
`;
