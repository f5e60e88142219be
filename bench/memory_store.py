"""What remembering and finding costs: ``python -m bench.memory_store --records 100000``.

One store per kind of vector, beside a plain sqlite-vec scan and numpy over a float32 matrix in
the same process; times are CPU time on one thread, recall is against the exact order. The
vectors are made, not measured: ``clustered`` are 2,000 close groups around one common mean, as
voices are, with a spread that falls by dimension; ``noise`` is the hardest case, where nothing
is near to anything.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import sqlite_vec
from numpy.typing import NDArray

from subtone.contracts.memory import Encoding, MemoryFilter, MemoryRecord, VectorQuery
from subtone.contracts.vocabulary import Role
from subtone.memory.store import SqliteMemoryStore

FloatArray = NDArray[np.float32]
DoubleArray = NDArray[np.float64]

BATCH = 1_000
LIMIT = 10
SPACE = "bench"
EMOTIONS = ("neutral", "neutral", "neutral", "anger", "joy")
RECORDS_PER_CALL = 20
RECORDS_PER_SPEAKER = 500
ENCRYPTED_SHARE = 5  # the encrypted store holds a fifth
PEER_QUERIES = 20
WORDS = 20_000


def vectors_of(kind: str, n: int, width: int, rng: np.random.Generator) -> FloatArray:
    """(n, width) float32."""
    noise = rng.standard_normal((n, width), np.float32)
    if kind == "noise":
        return noise
    spread = (np.arange(1, width + 1) ** -0.5).astype(np.float32)
    mean = 3.0 * rng.standard_normal(width, np.float32) * spread
    centres = rng.standard_normal((2_000, width), np.float32) * spread
    clustered: FloatArray = mean + centres[rng.integers(0, len(centres), n)] + 0.3 * noise * spread
    return clustered


def transcripts_of(n: int, rng: random.Random) -> list[str]:
    """Sentences of English-like and Chinese words by Zipf's law, a third of them mixed."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    latin = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(WORDS)]
    han = ["".join(chr(rng.randint(0x4E00, 0x5E00)) for _ in range(2)) for _ in range(WORDS)]
    weights = list(itertools.accumulate(1.0 / rank for rank in range(1, WORDS + 1)))

    def sentence() -> str:
        english = " ".join(rng.choices(latin, cum_weights=weights, k=rng.randint(4, 25)))
        chinese = "".join(rng.choices(han, cum_weights=weights, k=rng.randint(3, 15)))
        return rng.choice((english, chinese, f"{chinese} {english}"))

    return [sentence() for _ in range(n)]


def record_of(number: int, vector: FloatArray, transcript: str) -> MemoryRecord:
    """One record of a made-up archive."""
    heading = Encoding(
        encoder="bench",
        space=SPACE,
        layer=0,
        t_event_ms=0,
        t_end_ms=4_000,
        valid_frames=200,
        vector=tuple(vector.tolist()),
    )
    return MemoryRecord(
        record_id=f"record-{number}",
        call_id=f"call-{number // RECORDS_PER_CALL}",
        role=Role.CUSTOMER if number % 2 else Role.AGENT,
        t_event_ms=0,
        t_end_ms=4_000,
        t_seen_ms=1_700_000_000_000 + 1_000 * number,
        transcript=transcript,
        language="zh" if number % 2 else "en",
        emotion=EMOTIONS[number % len(EMOTIONS)],
        emotion_confidence=0.5,
        speaker_id=f"speaker-{number // RECORDS_PER_SPEAKER}",
        source=f"call-{number // RECORDS_PER_CALL}.wav",
        has_consent=True,
        encodings=(heading,),
    )


def filled(store: SqliteMemoryStore, vectors: FloatArray, transcripts: Sequence[str]) -> str:
    """Add everything in batches; records a second, the making of the records left out."""
    wall_s = cpu_s = 0.0
    for start in range(0, len(vectors), BATCH):
        numbers = range(start, min(start + BATCH, len(vectors)))
        batch = [record_of(i, vectors[i], transcripts[i]) for i in numbers]
        wall, cpu = time.perf_counter(), time.process_time()
        store.add(batch)
        wall_s += time.perf_counter() - wall
        cpu_s += time.process_time() - cpu
    n = len(vectors)
    return f"{n / wall_s:.0f} records/s wall, {n / cpu_s:.0f} records/s CPU"


def timed(runs: Sequence[Callable[[], Any]]) -> tuple[str, list[Any]]:
    """CPU milliseconds of the runs, and what they gave."""
    times, results = [], []
    for run in runs:
        started = time.process_time()
        results.append(run())
        times.append(1e3 * (time.process_time() - started))
    p50, p95 = np.percentile(times, [50, 95])
    return f"p50 {p50:7.2f} ms  p95 {p95:7.2f} ms", results


def nearest(unit: DoubleArray, query: DoubleArray, allowed: NDArray[np.bool_]) -> list[int]:
    """Row numbers by cosine in float64; ``unit`` has rows of length 1."""
    scores = np.where(allowed, unit @ query, -np.inf)
    best = np.argsort(-scores, kind="stable")[: min(LIMIT, int(allowed.sum()))]
    return [int(i) for i in best]


def recall(found: Sequence[Sequence[int]], truth: Sequence[Sequence[int]]) -> str:
    """Share of the truly nearest that were found."""
    pairs = zip(found, truth, strict=True)
    share = np.mean([len(set(f) & set(t)) / len(t) for f, t in pairs])
    return f"recall@{LIMIT} {share:.4f}"


def searches(
    store: SqliteMemoryStore, queries: FloatArray, where: Sequence[MemoryFilter]
) -> tuple[str, list[list[int]]]:
    """Vector searches through the store."""
    asked = [VectorQuery(space=SPACE, vector=tuple(q.tolist())) for q in queries]
    text, results = timed(
        [
            lambda q=q, w=w: store.search(vectors=[q], where=w, limit=LIMIT)  # type: ignore[misc]
            for q, w in zip(asked, where, strict=True)
        ]
    )
    return text, [[int(hit.record_id.split("-")[1]) for hit in hits] for hits in results]


def filters(n: int, rng: random.Random, count: int) -> Iterator[tuple[str, list[MemoryFilter]]]:
    """Kinds of filters, narrow to broad, each with one filter per query."""
    calls = [MemoryFilter(call_id=f"call-{rng.randrange(n // 20)}") for _ in range(count)]
    yield f"call ({RECORDS_PER_CALL} records)", calls
    speakers = [f"speaker-{rng.randrange(max(1, n // 500))}" for _ in range(count)]
    yield f"speaker ({RECORDS_PER_SPEAKER})", [MemoryFilter(speaker_id=s) for s in speakers]
    yield "emotion (20 %)", [MemoryFilter(emotion="anger")] * count
    yield "language and role (50 %)", [MemoryFilter(language="zh", role=Role.CUSTOMER)] * count


def allowed_rows(where: MemoryFilter, n: int) -> NDArray[np.bool_]:
    """What the filter means, from how the records were made."""
    rows: NDArray[np.int64] = np.arange(n, dtype=np.int64)
    is_allowed = np.ones(n, np.bool_)
    if where.call_id is not None:
        is_allowed &= rows // RECORDS_PER_CALL == int(where.call_id.split("-")[1])
    if where.speaker_id is not None:
        is_allowed &= rows // RECORDS_PER_SPEAKER == int(where.speaker_id.split("-")[1])
    if where.emotion is not None:
        is_allowed &= rows % len(EMOTIONS) == EMOTIONS.index(where.emotion)
    if where.language is not None:
        is_allowed &= rows % 2 == 1
    return is_allowed


def peers(
    folder: Path, vectors: FloatArray, unit: FloatArray, queries: FloatArray
) -> Iterator[tuple[str, str, list[list[int]]]]:
    """The same nearest records by other means: (name, times, row numbers)."""

    def brute(query: FloatArray) -> list[int]:
        scores = unit @ query
        best = np.argpartition(-scores, LIMIT)[:LIMIT]
        return [int(i) for i in best]

    text, results = timed([lambda q=q: brute(q) for q in queries])  # type: ignore[misc]
    yield f"numpy float32 matrix, {unit.nbytes / 1e6:.0f} MB in memory", text, results

    database = apsw.Connection(str(folder / "peer.sqlite3"))
    database.enable_load_extension(True)
    database.load_extension(sqlite_vec.loadable_path())
    width = vectors.shape[1]
    database.execute(
        f"CREATE VIRTUAL TABLE v USING vec0(body float[{width}] distance_metric=cosine)"
    )
    with database:
        database.executemany(
            "INSERT INTO v (rowid, body) VALUES (?, ?)",
            ((i, vector.tobytes()) for i, vector in enumerate(vectors)),
        )
    sql = "SELECT rowid FROM v WHERE body MATCH ? AND k = ? ORDER BY distance"
    text, results = timed(
        [
            lambda q=q: [i for (i,) in database.execute(sql, (q.tobytes(), LIMIT))]  # type: ignore[misc]
            for q in queries[:PEER_QUERIES]
        ]
    )
    size = (folder / "peer.sqlite3").stat().st_size
    yield f"sqlite-vec float32 scan, {size / 1e6:.0f} MB on disk", text, results
    database.close()


def text_queries(transcripts: Sequence[str], rng: random.Random, count: int) -> Iterator[str]:
    """Stretches of what was said, from one word to a sentence's beginning."""
    for _ in range(count):
        text = rng.choice(transcripts)
        yield " ".join(text.split()[: rng.randint(1, 6)])[: rng.randint(2, 40)]


def measure(kind: str, n: int, width: int, count: int, transcripts: Sequence[str]) -> None:
    """One store of one kind of vector, its searches, and the peers'."""
    rng = np.random.default_rng(7)
    vectors = vectors_of(kind, n + count, width, rng)
    vectors, queries = vectors[:n], vectors[n:]  # new ones from the same source
    exact = vectors / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    exact_queries = queries.astype(np.float64)
    truth = [nearest(exact, query, allowed_rows(MemoryFilter(), n)) for query in exact_queries]
    anything = [MemoryFilter()] * count
    print(f"\n{kind}: {n} records, {width} dimensions, {count} queries")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with SqliteMemoryStore(folder / "memory") as store:
            print(f"  insertion                  {filled(store, vectors, transcripts)}")
        with SqliteMemoryStore(folder / "memory") as store:
            text, _ = searches(store, queries[:1], anything[:1])
            print(
                f"  first search               {text.split('  p95')[0]} (reads every vector once)"
            )
            text, found = searches(store, queries, anything)
            print(f"  unfiltered                 {text}  {recall(found, truth)}")
            for label, where in filters(n, random.Random(3), count):
                true = [
                    nearest(exact, query, allowed_rows(w, n))
                    for query, w in zip(exact_queries, where, strict=True)
                ]
                text, found = searches(store, queries, where)
                print(f"  {label:<25}  {text}  {recall(found, true)}")
            report_words(store, transcripts, count)
            stats = store.stats()
            print(
                f"  in memory {stats.index_bytes / 1e6:.1f} MB, on disk "
                f"{stats.disk_bytes / 1e6:.1f} MB, of them {vectors.nbytes / 1e6:.1f} MB vectors"
            )
            report_removal(store)
        for label, text, results in peers(folder, vectors, exact.astype(np.float32), queries):
            print(f"  {label}: {text}  {recall(results, truth[: len(results)])}")


def report_words(store: SqliteMemoryStore, transcripts: Sequence[str], count: int) -> None:
    """Full-text searches."""
    asked = list(text_queries(transcripts, random.Random(5), count))
    text, _ = timed([lambda q=q: store.search(text=q, limit=LIMIT) for q in asked])  # type: ignore[misc]
    print(f"  full text                  {text}")


def report_removal(store: SqliteMemoryStore) -> None:
    """One record replaced, one call erased to the last byte, and the rest."""
    again = store.get(["record-0"])
    removals: tuple[tuple[str, Callable[[], object]], ...] = (
        ("replacing one record", lambda: store.add(again)),
        ("erasing one call", lambda: store.erase(MemoryFilter(call_id="call-1"))),
        ("erasing everything", lambda: store.erase(MemoryFilter(), everything=True)),
    )
    for label, remove in removals:
        started = time.perf_counter()
        remove()
        print(f"  {label:<25} {1e3 * (time.perf_counter() - started):8.0f} ms wall")


def measure_encrypted(n: int, width: int, count: int, transcripts: Sequence[str]) -> None:
    """What encryption adds."""
    vectors = vectors_of("clustered", n, width, np.random.default_rng(8))
    print(f"\nencrypted, clustered: {n} records, {width} dimensions")
    with tempfile.TemporaryDirectory() as name:
        folder, key = Path(name), os.urandom(32)
        with SqliteMemoryStore(folder, key=key) as store:
            print(f"  insertion                  {filled(store, vectors, transcripts)}")
        with SqliteMemoryStore(folder, key=key) as store:
            for label, search in (
                ("words", lambda: store.search(text=transcripts[0])),
                (
                    "vectors",
                    lambda: searches(store, vectors[:1], [MemoryFilter()]),
                ),
            ):
                text, _ = timed([search])
                print(f"  first by {label:<18}{text.split('  p95')[0]} (opens every body once)")
            text, _ = searches(store, vectors[:count], [MemoryFilter()] * count)
            print(f"  unfiltered                 {text}")
            report_words(store, transcripts, count)
            print(f"  in memory {store.stats().index_bytes / 1e6:.1f} MB, words and vectors")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--queries", type=int, default=100)
    options = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1":
        print("note: set OMP_NUM_THREADS=1 for comparable figures", file=sys.stderr)
    transcripts = transcripts_of(options.records, random.Random(11))
    for kind in ("clustered", "noise"):
        measure(kind, options.records, options.width, options.queries, transcripts)
    n_encrypted = options.records // ENCRYPTED_SHARE
    measure_encrypted(n_encrypted, options.width, options.queries, transcripts)


if __name__ == "__main__":
    main()
