"""Every figure this project states, measured again: ``make bench``.

Each bench runs as a process of its own on one thread; what it prints and what it measured
land in ``bench/results`` under the command that made them, and the tables of both READMEs
are rewritten from there.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from bench.figures import RESULTS, write_figures

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
SEEDS = ("--seeds", "1", "2", "3")  # 96 calls of a kind: one hour of calm speech says little


def _unseen(corpus: str) -> list[str]:
    """Composed calls of a corpus that nothing was chosen on; it grades no anger as mild."""
    return [
        *("bench.composed", "--data", "{data}/emotion", "--corpus", corpus, "--encoder", "{model}"),
        *("--kinds", "masked", "open", "joyful", "calm", "recovery", *SEEDS),
    ]


BENCHES: dict[str, list[str]] = {
    "speed": ["bench.speed"],
    "pitch": ["bench.pitch", "--data", "{data}", "--split", "heldout", "--clips", "100"],
    "agitation": ["bench.agitation", "--data", "{data}/emotion"],
    "composed": ["bench.composed", "--data", "{data}/emotion", *SEEDS],
    "composed-emodb": [
        *("bench.composed", "--data", "{data}/emotion", "--corpus", "emodb", "--languages", "zh"),
        *("--kinds", "masked", "open", "joyful", "calm", "recovery"),
    ],
    "composed-heads": [
        *("bench.composed", "--data", "{data}/emotion", "--encoder", "{model}", *SEEDS),
    ],
    **{f"composed-{corpus}": _unseen(corpus) for corpus in ("nemo", "emotale")},
    "alerts": ["bench.alerts", "--data", "{data}/emotion"],
    "alerts-heads": ["bench.alerts", "--data", "{data}/emotion", "--encoder", "{model}"],
    "text": ["bench.text", "--data", "{data}"],
    "heads-emodb": [
        *("bench.heads", "emodb", "--data", "{data}/emotion", "--untrained", "--seeds", "5"),
    ],
    "heads-ravdess": ["bench.heads", "ravdess", "--data", "{data}/emotion", "--seeds", "5"],
    **{
        f"heads-{corpus}-padded": [
            *("bench.heads", corpus, "--data", "{data}/emotion", "--padding", "window"),
        ]
        for corpus in ("emodb", "ravdess")
    },
    "heads-attention": ["bench.attention", "--data", "{data}/emotion", "--seeds", "2"],
    "heads-across": ["bench.heads", "across", "--data", "{data}/emotion"],
    "live": ["bench.live", "--calls", "100", "--seconds", "180"],
    "memory_encoder": ["bench.memory_encoder", "--data", "{data}"],
    "voices": ["bench.voices", "--data", "{data}/emotion", "--model", "{model}"],
    "probe": ["bench.probe", "--data", "{data}/emotion", "--model", "{model}"],
    "memory_tasks": ["bench.memory_tasks", "--data", "{data}"],
    "memory_store": ["bench.memory_store", "--records", "100000"],
    "crash": ["bench.crash", "--calls", "50", "--rounds", "10"],
}
MODEL = "whisper-base-encoder"
WITHOUT_JSON = {
    "alerts",
    "alerts-heads",
    "heads-attention",
    "memory_encoder",
    "memory_store",
    "memory_tasks",
    "probe",
    "voices",
}


def said_of(arguments: list[str]) -> str:
    """The command as the results show it, without where things lie on this machine."""
    return " ".join(arguments).replace("{data}", "DATA").replace("{model}", "MODEL")


def run(name: str, data: Path) -> None:
    """Run one bench and keep what it said."""
    arguments = ["python", "-m", *BENCHES[name]]
    said = said_of(arguments)
    model = data.parent / "models" / MODEL
    command = [
        sys.executable,
        *(p.replace("{data}", str(data)).replace("{model}", str(model)) for p in arguments[1:]),
    ]
    if name not in WITHOUT_JSON:
        command += ["--out", str(RESULTS / f"{name}.json")]
    print(f"$ {said}", flush=True)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, check=True, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE
    )
    print(done.stdout, flush=True)
    (RESULTS / f"{name}.txt").write_text(f"$ {said}\n{done.stdout.rstrip()}\n", encoding="utf-8")


def main() -> None:
    """Run what was asked for, everything by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHES, []], help="benches; all by default")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of corpora and texts")
    options = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    for name in options.names or BENCHES:
        run(name, options.data)
    write_figures()


if __name__ == "__main__":
    main()
