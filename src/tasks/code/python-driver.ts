// What runs inside the Python interpreter beside a program: how commands are carried out, and the encoding of values.
// Its text is run there; it is no module of ours.

/** Where test code reaches the program: a device of the interpreter's own file system. */
export const PROGRAM_DEVICE = "/dev/program";

/**
 * Defines `run(text)`, which carries out a command in JSON and gives what came of it in JSON. Programs that a command
 * brings reach nothing of JavaScript: its modules are gone, and what remains of them is closed from outside.
 */
export const PYTHON_DRIVER = String.raw`
import atexit, builtins, json, os, sys, types
import bisect, collections, copy, datetime, decimal, fractions, functools, heapq, itertools, math, operator, random, re
import statistics, string, typing

sys.set_int_max_str_digits(0)

# ---- values as text

KINDS = {list: "list", tuple: "tuple", set: "set", frozenset: "frozenset"}
SCALARS = ((str, str.__str__), (int, int.__index__), (float, float.__float__))

def to_plain(value):
    if value is None or value is True or value is False:
        return value
    for kind, exact in SCALARS:
        if isinstance(value, kind):
            return exact(value)
    for kind, name in KINDS.items():
        if isinstance(value, kind):
            return [name, [to_plain(each) for each in kind.__iter__(value)]]
    if isinstance(value, dict):
        return ["dict", [[to_plain(key), to_plain(each)] for key, each in dict.items(value)]]
    if isinstance(value, (bytes, bytearray)):
        return ["bytes", bytes(value).hex()]
    if isinstance(value, complex):
        return ["complex", [value.real, value.imag]]
    if isinstance(value, range):
        return ["range", [value.start, value.stop, value.step]]
    if isinstance(value, decimal.Decimal):
        return ["decimal", str(value)]
    if isinstance(value, fractions.Fraction):
        return ["fraction", [value.numerator, value.denominator]]
    raise TypeError(f"a value of type {type(value).__name__} is no plain value")

READERS = {
    "list": lambda items: [from_plain(each) for each in items],
    "tuple": lambda items: tuple(from_plain(each) for each in items),
    "set": lambda items: {from_plain(each) for each in items},
    "frozenset": lambda items: frozenset(from_plain(each) for each in items),
    "dict": lambda items: {from_plain(key): from_plain(each) for key, each in items},
    "bytes": bytes.fromhex,
    "complex": lambda parts: complex(*parts),
    "range": lambda parts: range(*parts),
    "decimal": decimal.Decimal,
    "fraction": lambda parts: fractions.Fraction(*parts),
}

def from_plain(value):
    return READERS[value[0]](value[1]) if isinstance(value, list) else value

def raised_by(error):
    try:
        return {"name": type(error).__name__, "message": str(error)}
    except BaseException:
        return {"name": "Error", "message": "an error that cannot be shown"}

# ---- the program

program = {}

def namespace(name):
    module = types.ModuleType(name)
    module.__builtins__ = builtins
    sys.modules[name] = module
    return module.__dict__

def execute(text, name):
    space = namespace(name)
    exec(compile(text, "program.py", "exec", dont_inherit=True), space)
    return space

def main(command):
    try:
        execute(command["program"], "__main__")
    finally:
        atexit._run_exitfuncs()
        for stream in {id(each): each for each in (sys.stdout, sys.__stdout__)}.values():
            stream.flush()
    return ""

def load(command):
    global program
    program = execute(command["program"], "program")
    return json.dumps([name for name, value in program.items() if callable(value) and not name.startswith("__")])

def find(name):
    first, _, method = name.partition(".")
    if first not in program:
        raise NameError(f"name '{first}' is not defined")
    return getattr(program[first](), method) if method else program[first]

def call(command):
    function = find(command["function"])
    if command["form"] == "plain":
        args, named = from_plain(json.loads(command["arguments"]))
        return json.dumps(to_plain(function(*args, **named)))
    return json.dumps(function(*[json.loads(line) for line in command["arguments"].split("\n") if line.strip()]))

# ---- test code, in an interpreter of its own

try:
    channel = os.open("${PROGRAM_DEVICE}", os.O_RDWR)
except OSError:
    channel = None

def call_program(name, args, named):
    values = json.dumps(to_plain([list(args), named]))
    os.write(channel, json.dumps([name, values]).encode())
    reply = json.loads(b"".join(iter(lambda: os.read(channel, 65536), b"")))
    if "raised" in reply:
        raise error_of(**reply["raised"])
    return from_plain(json.loads(reply["value"]))

def error_of(name, message):
    kind = getattr(builtins, name, None)
    is_error = isinstance(kind, type) and issubclass(kind, Exception)
    try:
        return kind(message) if is_error else RuntimeError(f"{name}: {message}")
    except TypeError:
        return RuntimeError(f"{name}: {message}")

def proxy(name):
    def candidate(*args, **named):
        return call_program(name, args, named)
    candidate.__name__ = name
    return candidate

def all_close(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    if isinstance(a, (list, tuple)) or isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(all_close(x, y, rtol, atol, equal_nan) for x, y in zip(a, b))
    if equal_nan and a != a and b != b:
        return True
    return a == b or abs(a - b) <= atol + rtol * abs(b)

def numpy_for_tests():
    numpy = types.ModuleType("numpy")
    numpy.allclose = numpy.isclose = all_close
    numpy.ndarray = type("ndarray", (), {})
    numpy.float32 = numpy.float64 = float
    numpy.nan, numpy.inf = math.nan, math.inf
    return numpy

def check(command):
    sys.modules["numpy"] = numpy_for_tests()
    space = namespace("check")
    for name in command["names"]:
        if not hasattr(builtins, name):
            space[name] = proxy(name)
    exec(compile(command["code"], "check.py", "exec", dont_inherit=True), space)
    name = command["function"]
    if name is not None:
        space[name] = proxy(name)
        space["check"](space[name])
    return ""

COMMANDS = {"main": main, "load": load, "call": call, "check": check}

def run(text):
    command = json.loads(text)
    try:
        return json.dumps({"value": COMMANDS[command["do"]](command)})
    except SystemExit as error:
        if command["do"] == "main" and error.code in (None, 0):
            return json.dumps({"value": ""})
        return json.dumps({"raised": {"name": "exit", "message": f"exit code {raised_by(error)['message']}"}})
    except BaseException as error:
        return json.dumps({"raised": raised_by(error)})

# ---- nothing of JavaScript remains

FOREIGN = {"js", "pyodide", "pyodide_js", "_pyodide", "_pyodide_core"}
for name in list(sys.modules):
    if name.partition(".")[0] in FOREIGN:
        del sys.modules[name]
sys.meta_path[:] = [finder for finder in sys.meta_path if finder.__module__.startswith("_frozen")]
sys.path[:] = [path for path in sys.path if path]
`;
