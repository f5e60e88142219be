"""What each combination of tasks costs to have: load time and peak memory, in fresh processes.

python -m bench.memory_tasks --data ../shared/data
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

COMBINATIONS = ((), ("language",), ("transcription",), ("transcription", "language"))
MODEL = "whisper-tiny.en-relearned-ct2-int8"
CLIP = Path("calls") / "support_call_mono.flac"
CHILD = """
import json, resource, sys, time
start = time.process_time()
from subtone.runtime.audio_memory import AudioMemorySystem
system = AudioMemorySystem(sys.argv[1], encoder_options={"threads": 1})
tasks = [task for task in sys.argv[3].split(",") if task]
imported = time.process_time()
system.load(tasks)
loaded = time.process_time()
system.process_audio(sys.argv[2], tasks)
heavy = ("onnxruntime", "ctranslate2", "tokenizers")
print(json.dumps({
    "import_ms": 1000 * (imported - start),
    "load_ms": 1000 * (loaded - imported),
    "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "libraries": [name for name in heavy if name in sys.modules],
}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    model = options.data.parent / "models" / MODEL
    for tasks in COMBINATIONS:
        command = [sys.executable, "-c", CHILD, str(model), str(options.data / CLIP)]
        done = subprocess.run(
            [*command, ",".join(tasks)], check=True, text=True, stdout=subprocess.PIPE
        )
        found = json.loads(done.stdout.splitlines()[-1])
        print(
            f"{' + '.join(tasks) or 'encoding alone':<26} import {found['import_ms']:4.0f} ms, "
            f"load {found['load_ms']:4.0f} ms CPU, peak {found['peak_mib']:4.0f} MiB, "
            f"with {', '.join(found['libraries'])}"
        )


if __name__ == "__main__":
    main()
