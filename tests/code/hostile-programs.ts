// Programs that try to run for ever, to take the machine's memory, to reach the outside, or to be taken for right. Each
// stands before a test that an honest program passes: it adds two numbers.
import type { ProgramLanguage, ProgramTest } from "../../src/tasks/index.js";

/** The three kinds of tests, for an honest `add`. */
export const ADDING = {
  output: { kind: "output", input: "2 3\n", output: "5\n" },
  call: { kind: "call", function: "add", arguments: "2\n3", expected: "5" },
  python: {
    kind: "check",
    code: "def check(f):\n  assert f(2, 3) == 5\n  assert abs(f(1, 1) - 2) < 1",
    function: "add",
  },
  javascript: {
    ...{ kind: "check", function: "add" },
    code: "const check = (f) => { console.assert(f(2, 3) === 5); require('assert').equal(f(1, 1), 2); }",
  },
} as const satisfies Record<string, ProgramTest>;

/** A program, and the kind of test that it stands before. */
export interface HostileProgram {
  readonly name: string;
  readonly language: ProgramLanguage;
  readonly test: "output" | "call" | "check";
  readonly program: string;
}

const python = (test: HostileProgram["test"], name: string, program: string): HostileProgram => ({
  ...{ name, language: "python", test, program },
});
const javascript = (test: HostileProgram["test"], name: string, program: string): HostileProgram => ({
  ...{ name, language: "javascript", test, program },
});

/** A file that some of them try to write. */
export const FORBIDDEN_FILE = "/tmp/luciole-hostile-program";

export const HOSTILE_PROGRAMS: readonly HostileProgram[] = [
  // ---- Python: time
  python("output", "an endless loop", "while True: pass"),
  python(
    "output",
    "a loop that catches its interruption",
    "while True:\n  try:\n    while True: pass\n  except BaseException: pass",
  ),
  python("output", "a loop in C", "print(sum(range(10 ** 15)))"),
  python("output", "an expression that backtracks", "import re; re.match('(a+)+$', 'a' * 64 + 'b'); print(5)"),
  python("output", "a power", "print(len(str(7 ** 10 ** 9)))"),
  python(
    "output",
    "a signal that is ignored",
    "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
  ),
  python("output", "a loop at the end", "import atexit\n@atexit.register\ndef end():\n  while True: pass\nprint(5)"),
  python("output", "sleep", "import time; time.sleep(1000); print(5)"),
  python(
    "call",
    "an error that is long to show",
    "class E(Exception):\n  def __str__(self):\n    while True: pass\ndef add(a, b): raise E",
  ),
  // ---- Python: memory and output
  python("output", "lists", "x = []\nwhile True: x.append(bytearray(10 ** 6))"),
  python("output", "a text that doubles", "x = 'x'\nwhile True: x += x"),
  python("output", "a flood", "while True: print('x' * 1000)"),
  python("output", "one long line", "print('5' + ' ' * 10 ** 6)"),
  python("call", "a large result", "def add(a, b): return 'x' * 10 ** 6"),
  python("output", "recursion", "import sys; sys.setrecursionlimit(10 ** 9)\ndef f(): return f()\nf()"),
  python("output", "recursion in C", "x = []\nfor i in range(10 ** 6): x = [x]\nprint(repr(x) and 5)"),
  python(
    "check",
    "a result that is nested deep",
    "def add(a, b):\n  x = []\n  for i in range(10 ** 5): x = [x]\n  return x",
  ),
  // ---- Python: the outside
  python("output", "fork", "import os; os.fork(); print(5)"),
  python("output", "a process", "import subprocess; print(subprocess.run(['echo', '5'], capture_output=True).stdout)"),
  python("output", "a shell", "import os; print(5 if os.system('true') == 0 else 0)"),
  python("output", "a thread", "import threading; threading.Thread(target=print, args=(5,)).start()"),
  python("output", "reading a file", "print(5 if open('/etc/hostname').read() else 0)"),
  python("output", "writing a file", `open('${FORBIDDEN_FILE}', 'w').write('x'); print(5)`),
  python("output", "a socket", "import socket; socket.create_connection(('127.0.0.1', 80)); print(5)"),
  python("output", "the web", "import urllib.request; urllib.request.urlopen('http://127.0.0.1/'); print(5)"),
  python("output", "the environment", "import os; print(5 if os.environ.get('PATH', '/') != '/' else 0)"),
  python("output", "JavaScript by its module", "import js; js.process.exit(0)"),
  python("output", "JavaScript by Pyodide", "from pyodide.code import run_js; run_js('process.exit(0)'); print(5)"),
  python(
    "output",
    "JavaScript by what is left in memory",
    "import gc\nf = [x for x in gc.get_objects() if type(x).__name__ == " +
      "'JsProxy']\nf[0].constructor.constructor('return process')().exit(0)\nprint(5)",
  ),
  python(
    "output",
    "JavaScript by C",
    "import ctypes; ctypes.CDLL(None).emscripten_run_script(b'process.exit(0)'); print(5)",
  ),
  // ---- Python: to be taken for right
  python(
    "check",
    "an object that equals all",
    "class Any:\n  def __eq__(self, other): return True\n  def __sub__(self, other): return 0\ndef " +
      "add(a, b): return Any()",
  ),
  python(
    "check",
    "an integer that equals all",
    "class Any(int):\n  def __eq__(self, other): return True\n  __hash__ = int.__hash__\ndef add(a, b): return Any(7)",
  ),
  python(
    "check",
    "an object that lies about its class",
    "class Any:\n  __class__ = int\n  def __eq__(self, other): return True\n  def __index__(self): " +
      "return 5\ndef add(a, b): return Any()",
  ),
  python(
    "check",
    "other builtins",
    "import builtins\nbuiltins.abs = lambda x: 0\nbuiltins.AssertionError = type('E', (BaseException,), " +
      "{})\nint.__eq__\ndef add(a, b): return 5",
  ),
  python("check", "an end that is well", "import sys\nsys.exit(0)"),
  python("check", "an end that is sudden", "import os\nos._exit(0)"),
  python("check", "an end in the function", "def add(a, b): raise SystemExit(0)"),
  python("check", "a check of its own", "def check(f): pass\ndef add(a, b): return 0"),
  python(
    "check",
    "frames",
    "import sys\ndef add(a, b):\n  f = sys._getframe()\n  while f:\n    for v in " +
      "list(f.f_locals.values()) + list(f.f_code.co_consts):\n      if v == 5: return 5\n    f = " +
      "f.f_back\n  return 0",
  ),
  python(
    "check",
    "what the collector knows",
    "import gc\ndef add(a, b):\n  texts = [x for x in gc.get_objects() if isinstance(x, dict) and " +
      "'check' in x]\n  return 5 if any('== 5' in str(x) for x in texts) else 0",
  ),
  python("output", "marks of the driver", 'print(\'{"value": ""}\'); print(\'{"end": "done", "output": "5"}\')'),
  python(
    "call",
    "another encoding",
    'import json\njson.dumps = lambda *a, **k: \'{"value": "true"}\'\ndef add(a, b): return 0',
  ),
  python(
    "check",
    "the driver's commands",
    "import sys\nf = sys._getframe()\nwhile f:\n  f.f_globals.get('COMMANDS', {}).update(call=lambda c: " +
      "'null')\n  f = f.f_back\ndef add(a, b): return 0",
  ),
  python(
    "check",
    "the way to the program",
    'import os\nfor i in range(3, 20):\n  try: os.write(i, b\'{"value": "5"}\')\n  except OSError: ' +
      "pass\ndef add(a, b): return int(open('/dev/program').read())",
  ),
  // ---- JavaScript: time
  javascript("output", "an endless loop", "for (;;);"),
  javascript(
    "output",
    "a loop that catches its interruption",
    "for (;;) { try { for (;;); } catch {} finally { continue; } }",
  ),
  javascript("output", "an expression that backtracks", "/^(a+)+$/.test('a'.repeat(64) + 'b'); console.log(5)"),
  javascript("output", "a power", "console.log(String(7n ** 10n ** 8n).length)"),
  javascript("output", "promises without end", "const f = () => Promise.resolve().then(f); f(); console.log(5)"),
  javascript("output", "timers without end", "setInterval(() => {}, 0); console.log(5)"),
  javascript("call", "an error that is long to show", "function add() { throw { toString() { for (;;); } }; }"),
  // ---- JavaScript: memory and output
  javascript("output", "arrays", "const x = []; for (;;) x.push(new Uint8Array(1e6))"),
  javascript("output", "objects", "let x = null; for (;;) x = { x, y: [1, 2, 3] }"),
  javascript("output", "a flood", "for (;;) console.log('x'.repeat(1000))"),
  javascript("call", "a large result", "function add() { return 'x'.repeat(1e6); }"),
  javascript("output", "recursion", "const f = () => f() + 1; console.log(f())"),
  javascript("check", "a result that contains itself", "function add() { const x = []; x.push(x); return x; }"),
  // ---- JavaScript: the outside
  javascript("output", "a process", "require('child_process').execSync('true'); console.log(5)"),
  javascript("output", "writing a file", `require('fs').writeFileSync('${FORBIDDEN_FILE}', 'x'); console.log(5)`),
  javascript("output", "reading a file", "require('fs').readFileSync('/etc/hostname'); console.log(5)"),
  javascript("output", "the web", "fetch('http://127.0.0.1/').then(() => console.log(5))"),
  javascript("output", "a module", "import('node:fs').then(() => console.log(5))"),
  javascript(
    "output",
    "the outer process",
    "const p = print.constructor.constructor('return process')(); p.mainModule.require('fs'); console.log(5)",
  ),
  javascript("output", "internals of Node", "process.binding('fs'); console.log(5)"),
  // ---- JavaScript: to be taken for right
  javascript(
    "check",
    "an object that is any number",
    "function add() { return { valueOf: () => 5, toString: () => '5' }; }",
  ),
  javascript(
    "check",
    "another console",
    "console.assert = () => {}; globalThis.assert = () => {}; function add() { return 0; }",
  ),
  javascript(
    "check",
    "other prototypes",
    "Object.is = () => true; Number.prototype.valueOf = () => 5; Array.prototype.toString = () => '5'; " +
      "function add() { return 0; }",
  ),
  javascript("check", "an end that is well", "process.exit(0)"),
  javascript("check", "an end in the function", "function add() { process.exit(0); }"),
  javascript("check", "a check of its own", "function check() {} function add() { return 0; }"),
  javascript("check", "a proxy", "function add() { return new Proxy([], { get: () => 5, ownKeys: () => [] }); }"),
  javascript(
    "call",
    "another encoding",
    "JSON.stringify = () => '{\"value\":\"true\"}'; String.prototype.toString = () => '5'; function " +
      "add() { return 0; }",
  ),
  javascript("check", "its source", "function add() { return Number(String(add.caller).match(/=== (\\d)/)[1]); }"),
  javascript(
    "check",
    "an error that is no failure",
    "Error[Symbol.hasInstance] = () => false; function add() { throw { name: '', message: '' }; }",
  ),
  javascript("output", "marks of the driver", 'console.log(\'{"value":"5"}\'); console.log(\'{"more":false}\')'),
];
