"""Runs the variants of a peer benchmark, each in a process of its own: all of them with a report, or one under our
bench's control.

Knows how to start, bound and collect variants; what a step is and how one is prepared is the calling script's `prepare`
function.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

SHAPES = json.loads((Path(__file__).parent / "shapes.json").read_text())
THREADS = int(os.environ.get("LUCIOLE_BENCH_THREADS") or SHAPES["threads"])
TIME_LIMIT_S = 480  # a variant's whole life, compilation included; the measured part is bounded by shapes.json


def peak_rss_bytes():
    """Largest resident set of this process so far (Linux reports KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def timed_step(body, tokens):
    """Runs `body` once: wall and CPU seconds, the tokens it worked off, and whatever `body` returns beside."""
    wall, cpu = time.perf_counter(), time.process_time()
    extra = body()
    return {"seconds": time.perf_counter() - wall, "cpuSeconds": time.process_time() - cpu, "tokens": tokens, **extra}


def run_variants(script, benchmark, prepare, variants):
    """Command line of a peer script. `prepare(**settings)` gives an object with `facts` (a dict) and
    `step(is_warmup)`, see `timed_step`.

    `variants` maps a name to the settings. A variant that fails or overruns is reported as skipped, with its reason.
    """
    parser = argparse.ArgumentParser(description=f"PyTorch peer: {benchmark}")
    parser.add_argument("--variants", default=",".join(variants), help="comma-separated subset of: %(default)s")
    parser.add_argument(
        "--serve",
        choices=list(variants),
        help="prepare one variant, then one step for each line read, one JSON line for each",
    )
    parser.add_argument("--child", choices=list(variants), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        _serve(lambda: _prepare_here(prepare, variants[arguments.serve]))
        return
    if arguments.child:
        print(json.dumps(_measure(*_prepare_here(prepare, variants[arguments.child]))))
        return
    chosen = arguments.variants.split(",")
    if unknown := set(chosen) - set(variants):
        parser.error(f"unknown variants {sorted(unknown)}; choose from {list(variants)}")
    results = {}
    for name in chosen:
        results[name] = _run_child(script, name)
        print(
            f"{benchmark} {name}: {results[name].get('tokensPerSecond') or results[name]['skipped']}",
            file=sys.stderr,
            flush=True,
        )
    measured = {name: result for name, result in results.items() if "tokensPerSecond" in result}
    best = max(measured, key=lambda name: measured[name]["tokensPerSecond"], default=None)
    print(json.dumps({"benchmark": benchmark, "threads": THREADS, "best": best, "variants": results, **_versions()}))


def _prepare_here(prepare, settings):
    import torch

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    imported = peak_rss_bytes()
    return prepare(**settings), imported


def _serve(start):
    """Line protocol of bench/stepper.ts: facts, then a line for each line read; the last line, at end of input,
    has the peak memory.
    """
    lines = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print must not mix with the protocol
    run, imported = start()
    print(json.dumps({"facts": {**run.facts, "threads": THREADS, **_versions()}}), file=lines)
    for line in sys.stdin:
        print(json.dumps(run.step(line.strip() == "warmup")), file=lines)
    print(json.dumps({"peakRssBytes": peak_rss_bytes(), "importedRssBytes": imported}), file=lines)


def _measure(run, imported):
    """Medians over at least three steps, then until maxSeconds, after one warm-up step."""
    shape = SHAPES["train"]
    first = run.step(True)
    steps, deadline = [], time.perf_counter() + shape["maxSeconds"]
    while len(steps) < 3 or (len(steps) < shape["maxSteps"] and time.perf_counter() < deadline):
        steps.append(run.step(False))
    return {
        "tokensPerSecond": round(statistics.median(s["tokens"] / s["seconds"] for s in steps), 1),
        "fastestTokensPerSecond": round(max(s["tokens"] / s["seconds"] for s in steps), 1),
        "tokensPerCpuSecond": round(statistics.median(s["tokens"] / s["cpuSeconds"] for s in steps), 1),
        "stepSeconds": [round(s["seconds"], 3) for s in steps],
        "firstStepSeconds": round(first["seconds"], 2),
        "losses": [round(s["loss"], 5) for s in [first, *steps] if "loss" in s],
        **run.facts,
        "peakRssBytes": peak_rss_bytes(),
        "importedRssBytes": imported,
    }


def _run_child(script, name):
    started = time.monotonic()
    try:
        command = [sys.executable, script, "--child", name]
        child = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT_S, check=True)
        result = json.loads(child.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"skipped": f"not finished within {TIME_LIMIT_S} s"}
    except subprocess.CalledProcessError as error:
        reason = [line for line in error.stderr.splitlines() if line.strip()][-1:] or [
            f"exit status {error.returncode}"
        ]
        return {"skipped": reason[0][:300]}
    return {**result, "wallSeconds": round(time.monotonic() - started, 1)}


def _versions():
    import torch
    import transformers

    return {"torch": torch.__version__, "transformers": transformers.__version__, "python": platform.python_version()}
