"""kill -9 in the middle of an import: what was acknowledged is there, and it can go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from subtone.memory.store import SqliteMemoryStore
from support_memory import KEY, query, vectors

SOURCES = 40
RECORDS_PER_SOURCE = 25

IMPORTER = """
import sys
from pathlib import Path
from subtone.memory.store import SqliteMemoryStore
from support_memory import encoding, record, vectors

folder, key = Path(sys.argv[1]), bytes.fromhex(sys.argv[2]) or None
n_sources, per_source = int(sys.argv[3]), int(sys.argv[4])
found = vectors(n_sources * per_source)
with SqliteMemoryStore(folder, key=key) as store:
    names = [f"source-{i}.wav" for i in range(n_sources)]
    known = store.known_sources(names)
    for i, name in enumerate(names):
        if name in known:
            continue
        store.add(
            record(j, encoding(found[j]), transcript=f"word {j}", source=name)
            for j in range(i * per_source, (i + 1) * per_source)
        )
        print(name, flush=True)
"""


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "encrypted"])
@pytest.mark.parametrize("lines_before_death", [1, 9])
def test_a_killed_import_lost_nothing_acknowledged_and_resumes(
    tmp_path: Path, key: bytes | None, lines_before_death: int
) -> None:
    command = [
        *(sys.executable, "-c", IMPORTER, str(tmp_path), (key or b"").hex()),
        *(str(SOURCES), str(RECORDS_PER_SOURCE)),
    ]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as importer:
        assert importer.stdout is not None
        acknowledged = [importer.stdout.readline().strip() for _ in range(lines_before_death)]
        os.kill(importer.pid, signal.SIGKILL)
        acknowledged += importer.stdout.read().split()
        assert importer.wait() == -signal.SIGKILL

    names = [f"source-{i}.wav" for i in range(SOURCES)]
    with SqliteMemoryStore(tmp_path, key=key) as store:
        known = store.known_sources(names)
        assert known >= set(acknowledged)
        assert len(known) < SOURCES
        # each source whole or not at all, with all of its words and vectors
        assert store.count() == RECORDS_PER_SOURCE * len(known)
        assert sum(space.vectors for space in store.stats().spaces) == store.count()
        assert len(store.search(text="word", limit=2_000)) == store.count()

    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert not set(done.stdout.split()) & known
    with SqliteMemoryStore(tmp_path, key=key) as store:
        n = SOURCES * RECORDS_PER_SOURCE
        assert store.count() == n
        found = vectors(n)
        assert store.get(["record-7"])[0].transcript == "word 7"
        for i in (0, n // 2, n - 1):
            hit = store.search(vectors=[query(found[i])], limit=1)[0]
            assert hit.record_id == f"record-{i}"
