"""What subtone costs: ``python -m bench.speed``.

CPU time of a two-track call through the whole kernel on one thread, wall time of
``import subtone``, and the installed size of what a core install pulls in.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from statistics import median

from bench.composed.events import inbound
from bench.composed.recording import Recording, read_sample
from subtone.kernel import pipeline

SAMPLE = Path(__file__).resolve().parents[1] / "examples" / "calls" / "hidden_frustration.en.flac"
REPEATS = 5
TARGETS = {"x_real_time": 150.0, "import_s": 0.3, "installed_mb": 150.0}


def call_cpu_s(call: Recording) -> float:
    """CPU seconds of one call, fed in 200 ms chunks; events are built beforehand."""
    events = list(inbound(call))
    started = time.process_time()
    state = pipeline.start()
    for event in events:
        state, _ = pipeline.feed(state, event)
    return time.process_time() - started


def import_s(module: str) -> float:
    """Median wall seconds of importing the module in a fresh interpreter."""
    program = (
        f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    )
    runs = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        for _ in range(REPEATS)
    ]
    return median(float(run.stdout) for run in runs)


def core_distributions(name: str = "subtone") -> Iterator[metadata.Distribution]:
    """Every installed distribution a core install needs, without extras, subtone left out."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        current = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if current in seen:
            continue
        seen.add(current)
        try:
            distribution = metadata.distribution(current)
        except metadata.PackageNotFoundError:
            continue  # needed on another platform or Python only
        if current != name:
            yield distribution
        for requirement in distribution.requires or ():
            needed, _, marker = requirement.partition(";")
            match = re.match(r"[A-Za-z0-9._-]+", needed)
            if match and "extra" not in marker:
                waiting.append(match.group())


def installed_mb() -> dict[str, float]:
    """Megabytes on disk of each core dependency, compiled caches left out."""
    return {
        distribution.name: sum(
            Path(str(distribution.locate_file(file))).stat().st_size
            for file in distribution.files or ()
            if file.suffix != ".pyc" and Path(str(distribution.locate_file(file))).exists()
        )
        / 1e6
        for distribution in core_distributions()
    }


def main() -> None:
    """Measure, print beside the targets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--call", type=Path, default=SAMPLE, help="a sample call's .flac")
    parser.add_argument("--out", type=Path, help="write results as JSON")
    arguments = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1":
        print("note: set OMP_NUM_THREADS=1 for comparable figures", file=sys.stderr)
    call = read_sample(arguments.call)
    cpu_s = median(call_cpu_s(call) for _ in range(REPEATS))
    sizes = installed_mb()
    result = {
        "call_s": call.duration_ms / 1000,
        "cpu_s": cpu_s,
        "x_real_time": call.duration_ms / 1000 / cpu_s,
        "import_s": import_s("subtone"),
        "import_pipeline_s": import_s("subtone.kernel.pipeline"),
        "installed_mb": sum(sizes.values()),
    }
    print(
        f"call of {result['call_s']:.0f} s, two tracks: {cpu_s:.2f} s of CPU, "
        f"{result['x_real_time']:.0f} x real time (target {TARGETS['x_real_time']:.0f})"
    )
    print(
        f"import subtone: {result['import_s']:.3f} s (target {TARGETS['import_s']}), "
        f"with the pipeline {result['import_pipeline_s']:.3f} s"
    )
    print(
        f"core dependencies: {result['installed_mb']:.0f} MB (target "
        f"{TARGETS['installed_mb']:.0f}): "
        + ", ".join(f"{name} {size:.1f}" for name, size in sorted(sizes.items()))
    )
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
