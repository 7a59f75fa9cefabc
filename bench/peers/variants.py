"""Runs each variant of a peer benchmark in a process of its own and reports all of them as one JSON line.

Knows how to start, bound and collect variants; what a variant measures is the calling script's `measure` function.
"""

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

SHAPES = json.loads((Path(__file__).parent / "shapes.json").read_text())
TIME_LIMIT_S = 480  # a variant's whole life, compilation included; the measured part is bounded by shapes.json


def peak_rss_bytes():
    """Largest resident set of this process so far (Linux reports KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def run_variants(script, benchmark, measure, variants):
    """Command line of a peer script. `measure(**settings)` runs in the child and returns {"tokensPerSecond": ...}.

    `variants` maps a name to the settings. A variant that fails or overruns is reported as skipped, with its reason.
    """
    parser = argparse.ArgumentParser(description=f"PyTorch peer: {benchmark}")
    parser.add_argument("--variants", default=",".join(variants), help="comma-separated subset of: %(default)s")
    parser.add_argument("--child", choices=list(variants), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(_measure_here(measure, variants[arguments.child])))
        return
    chosen = arguments.variants.split(",")
    if unknown := set(chosen) - set(variants):
        parser.error(f"unknown variants {sorted(unknown)}; choose from {list(variants)}")
    results = {}
    for name in chosen:
        results[name] = _run_child(script, name)
        print(f"{benchmark} {name}: {results[name].get('tokensPerSecond') or results[name]['skipped']}", file=sys.stderr, flush=True)
    measured = {name: result for name, result in results.items() if "tokensPerSecond" in result}
    best = max(measured, key=lambda name: measured[name]["tokensPerSecond"], default=None)
    print(json.dumps({"benchmark": benchmark, "threads": SHAPES["threads"], "best": best, "variants": results, **_versions()}))


def _measure_here(measure, settings):
    import torch

    torch.set_num_threads(SHAPES["threads"])
    torch.manual_seed(0)
    before = peak_rss_bytes()
    result = measure(**settings)
    return {**result, "peakRssBytes": peak_rss_bytes(), "importedRssBytes": before}


def _run_child(script, name):
    started = time.monotonic()
    try:
        command = [sys.executable, script, "--child", name]
        child = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT_S, check=True)
        result = json.loads(child.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"skipped": f"not finished within {TIME_LIMIT_S} s"}
    except subprocess.CalledProcessError as error:
        reason = [line for line in error.stderr.splitlines() if line.strip()][-1:] or [f"exit status {error.returncode}"]
        return {"skipped": reason[0][:300]}
    return {**result, "wallSeconds": round(time.monotonic() - started, 1)}


def _versions():
    import torch
    import transformers

    return {"torch": torch.__version__, "transformers": transformers.__version__, "python": platform.python_version()}
