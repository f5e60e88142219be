"""Folders: every file once, resumable, one bad file beside good ones."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import soundfile

from subtone.contracts.vocabulary import Role
from subtone.memory.store import SqliteMemoryStore
from subtone.runtime.audio_memory import AudioMemorySystem
from subtone.runtime.audio_memory.importing import Remembered, audio_files, remember_files
from support_audio_memory import RATE_HZ, small_checkpoint, speech, write_clips
from support_cli import start_subtone, succeed


def remembered(
    store: SqliteMemoryStore, checkpoint: Path, paths: list[Path], roles: list[Role] | None = None
) -> list[Remembered]:
    told: list[Remembered] = []
    system = AudioMemorySystem(checkpoint, store=store, encoder_options={"threads": 1})
    remember_files(system, store, paths, (), roles=roles, has_consent=True, on_file=told.append)
    return told


def test_a_folder_is_walked_in_order_and_what_is_no_audio_left_out(tmp_path: Path) -> None:
    write_clips(tmp_path / "b", 2)
    write_clips(tmp_path / "a", 1)
    (tmp_path / "b" / "notes.txt").write_text("not audio")
    found = [str(p.relative_to(tmp_path)) for p in audio_files([tmp_path])]
    assert found == ["a/clip000.wav", "b/clip000.wav", "b/clip001.wav"]


def test_a_known_file_is_not_encoded_again_and_a_bad_one_stops_no_other(tmp_path: Path) -> None:
    checkpoint = small_checkpoint(tmp_path / "made-up")
    paths = write_clips(tmp_path / "clips", 3)
    paths[1].write_bytes(b"RIFF, it says")
    with SqliteMemoryStore(tmp_path / "memory") as store:
        first = remembered(store, checkpoint, paths)
        count = store.count()
        second = remembered(store, checkpoint, paths)
        assert store.count() == count
    assert [done.records > 0 for done in first] == [True, False, True]
    assert [done.is_known for done in second] == [True, False, True]
    for told in (first, second):
        assert told[1].failure is not None
        assert "clip001.wav" in told[1].failure


def test_each_channel_of_a_call_is_its_own_speaker(tmp_path: Path) -> None:
    checkpoint = small_checkpoint(tmp_path / "made-up")
    call = tmp_path / "call.wav"
    soundfile.write(call, np.stack([speech(6.0), speech(6.0, 4.0)], axis=1), RATE_HZ)
    with SqliteMemoryStore(tmp_path / "memory") as store:
        (done,) = remembered(store, checkpoint, [call], [Role.AGENT, Role.CUSTOMER])
        records = store.get(hit.record_id for hit in store.search(limit=50))
        (again,) = remembered(store, checkpoint, [call], [Role.AGENT, Role.CUSTOMER])
        (wrong,) = remembered(store, checkpoint, write_clips(tmp_path / "x", 1), [Role.AGENT] * 2)
    assert done.records == len(records)
    assert {record.role for record in records} == {Role.AGENT, Role.CUSTOMER}
    assert again.is_known
    assert wrong.failure is not None
    assert "1 channels and 2 roles" in wrong.failure


def test_after_kill_9_everything_told_is_there_and_the_rest_follows(tmp_path: Path) -> None:
    checkpoint = small_checkpoint(tmp_path / "made-up")
    clips = tmp_path / "clips"
    write_clips(clips, 24)
    arguments: tuple[str | Path, ...] = ("remember", clips, "--consent", "--tasks", "", "--json")
    arguments += ("--data", tmp_path / "memory", "--model", checkpoint)
    with start_subtone(*arguments, cwd=tmp_path, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        told = [json.loads(child.stdout.readline()) for _ in range(3)]
        os.kill(child.pid, signal.SIGKILL)
    again = [json.loads(line) for line in succeed(*arguments).splitlines()]
    known = {row["file"] for row in again if row["known"]}
    assert {row["file"] for row in told} <= known
    assert len(again) == 24
    assert all(row["failure"] is None for row in again)
    with SqliteMemoryStore(tmp_path / "memory", is_read_only=True) as store:
        records = store.get(hit.record_id for hit in store.search(limit=500))
    assert len({record.source for record in records}) == 24
