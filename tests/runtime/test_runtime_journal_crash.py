"""Killed at any moment, or out of disk: what was acknowledged is there, and nothing is half."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from subtone.runtime.journal import AudioPolicy, SqliteJournal
from support_journal import events_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kill -9 and rlimits are POSIX's")

TESTS = Path(__file__).resolve().parents[1]
ROUNDS = 12
GROUP = 3  # events of one submission: all of them or none
CALLS = ("a", "b", "c")

# One process per round writes from three threads and says what was acknowledged; its parent,
# which holds nothing open, kills it some words and milliseconds later.
KILLED = """
import os, random, select, signal, sys, threading, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from subtone.runtime.journal import AudioPolicy, SqliteJournal, WriterLimits
from support_journal import events_of

folder, acknowledged, policy = Path(sys.argv[2]), Path(sys.argv[3]), AudioPolicy(sys.argv[4])

def write(out):
    journal = SqliteJournal(
        folder, policy, limits=WriterLimits(linger_s=0.001), segment_bytes=20_000
    )
    def send(call_id):
        row = journal.reader.call(call_id)
        last = row.event_count if row else 0
        while True:
            seq = journal.append(events_of(call_id, last + 1, last + 3))
            last += 3
            os.write(out, f"{call_id} {last}\\n".encode())
            if last % 6 == 0:
                journal.snapshot(call_id, seq, str(last).encode()).result()
    for call_id in "abc":
        threading.Thread(target=send, args=(call_id,)).start()

random.seed(int(sys.argv[5]))
for _ in range(int(sys.argv[6])):
    heard, said = os.pipe()
    child = os.fork()
    if child == 0:
        write(said)
        threading.Event().wait(60)
        os._exit(1)
    os.close(said)
    with acknowledged.open("ab") as file:
        for _ in range(random.randint(1, 12)):
            assert select.select([heard], [], [], 30)[0]
            file.write(os.read(heard, 65536))
        time.sleep(random.uniform(0.0, 0.02))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while piece := os.read(heard, 65536):
            file.write(piece)
    os.close(heard)
"""


def run(script: str, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script, str(TESTS), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("policy", list(AudioPolicy))
def test_killed_at_any_moment(tmp_path: Path, policy: AudioPolicy) -> None:
    folder, acknowledged = tmp_path / "journal", tmp_path / "acknowledged"
    run(KILLED, folder, acknowledged, policy, 7, ROUNDS)
    said = [line.split() for line in acknowledged.read_text().splitlines()]
    last = {call_id: int(number) for call_id, number in said}
    assert set(last) == set(CALLS)
    assert len(said) > ROUNDS
    journal = SqliteJournal(folder, policy)
    assert list(journal.reader.damages()) == []
    covered_by = {}
    for call_id in CALLS:
        row = journal.reader.call(call_id)
        assert row is not None
        assert row.event_count >= last[call_id]
        assert row.event_count % GROUP == 0
        found = journal.resume(call_id)
        covered = covered_by[call_id] = int(found.snapshot or b"0")
        assert list(found.events) == events_of(call_id, covered + 1, row.event_count)
        if policy is AudioPolicy.KEEP:
            assert list(journal.replay(call_id)) == events_of(call_id, 1, row.event_count)
    assert any(covered_by.values())
    assert journal.append(events_of("d", 1, 3)) > max(last.values())
    journal.close()


# The limit on a file's size stands for the end of the disk: first the audio meets it, or,
# where nothing but words arrives, the database's log.
FULL = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from subtone.runtime.journal import AudioPolicy, JournalFullError, SqliteJournal
from support_journal import end_of, events_of

folder, has_audio = Path(sys.argv[2]), sys.argv[3] == "audio"
journal = SqliteJournal(folder, AudioPolicy.KEEP)

def more(last):
    return events_of("a", last + 1, last + 30) if has_audio else [end_of("a")] * 30

sent = more(0)
journal.append(sent)
limit = max(path.stat().st_size for path in folder.rglob("*.*")) + 30_000
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
refused = 0
while refused < 3 and len(sent) < 30_000:
    events = more(len(sent))
    try:
        journal.append(events)
        sent += events
    except JournalFullError as error:
        refused += 1
        print(error)
        assert list(journal.replay("a")) == sent
assert refused == 3, len(sent)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
events = more(len(sent))
journal.append(events)
assert list(journal.replay("a")) == sent + events
assert list(journal.reader.damages()) == []
journal.close()
"""


@pytest.mark.parametrize("load", ["audio", "words"])
def test_a_full_disk_refuses_and_stays_readable(tmp_path: Path, load: str) -> None:
    said = run(FULL, tmp_path, load).splitlines()
    assert len(said) == 3
    assert all("nothing of this was accepted; free some space" in line for line in said)
    journal = SqliteJournal(tmp_path, AudioPolicy.KEEP)
    assert journal.torn_bytes == 0
    assert list(journal.reader.damages()) == []
    journal.close()
