"""What the shared encoding costs and how true it is: ``python -m bench.memory_encoder``.

CPU time on one thread, ratios inside one run. Weights and calls lie beside the checkout and
are not shipped; the tiny.en decoder was re-learned on synthetic speech, so its words are
counted, not judged.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from subtone.perception.encoder import Padding, Precision, WhisperEncoder
from subtone.perception.encoder.log_mel import log_mel
from subtone.perception.encoder.quality import cosine
from subtone.perception.encoding import EncodedAudio, EncodedWindow, FloatArray
from subtone.perception.language import DetectLanguage
from subtone.perception.transcription import Transcribe, WhisperDecoder

DEFAULT_DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"
RATE_HZ = 16_000
REPEATS = 5
MOST_COST_RATIO = 1.15
CALLS = ("auto_repairs_40", "auto_repairs_49")
LANGUAGES = 99


@dataclass(frozen=True)
class Readout:
    """A linear head on one layer's pooled vector: the cost of a task that needs no decoder."""

    layer: int
    weights: NDArray[np.float32]

    def __call__(self, encoded: EncodedAudio) -> NDArray[np.float32]:
        """Probability per label, from the encoding of one layer."""
        vector = np.array(encoded.encoding(self.layer).vector, np.float32)
        scores = self.weights @ vector
        shares: NDArray[np.float32] = np.exp(scores - scores.max())
        shares /= shares.sum()
        return shares


def cpu_s(work: Callable[[], object]) -> float:
    """Median CPU seconds of a piece of work, after one run to warm up."""
    work()
    spent = []
    for _ in range(REPEATS):
        started = time.process_time()
        work()
        spent.append(time.process_time() - started)
    return median(spent)


def fresh(window: EncodedWindow, encoder: WhisperEncoder) -> EncodedAudio:
    """One newly encoded window as a recording, nothing of it pooled yet."""
    encoded = encoder.encode_window(window.samples)
    return EncodedAudio(
        encoder=encoder.name, space=encoder.space, duration_ms=window.t_end_ms, windows=(encoded,)
    )


def speech(path: Path, from_s: float, duration_s: float) -> FloatArray:
    """A piece of a 16 kHz mono recording."""
    start = round(from_s * RATE_HZ)
    samples, _ = soundfile.read(
        path, start=start, stop=start + round(duration_s * RATE_HZ), dtype="float32"
    )
    return np.asarray(samples)


def task_costs(base: Path, audio: FloatArray) -> Iterator[str]:
    """One task against four on whisper-base, the encoding shared."""
    rng = np.random.default_rng(0)
    for precision in (Precision.INT8, Precision.FLOAT32):
        encoder = WhisperEncoder(base, precision=precision, threads=1)
        window = encoder.encode_window(audio)
        tasks = [
            Readout(layer, rng.standard_normal((labels, 2 * encoder.width)).astype(np.float32))
            for layer, labels in ((6, LANGUAGES), (3, 7), (3, 2), (2, 192))
        ]

        def run(wanted: list[Readout], model: WhisperEncoder, piece: EncodedWindow) -> None:
            encoded = fresh(piece, model)
            for task in wanted:
                task(encoded)

        before = encoder.passes
        run(tasks, encoder, window)
        passes = encoder.passes - before
        one, four = (cpu_s(partial(run, tasks[:n], encoder, window)) for n in (1, 4))
        yield (
            f"base {precision}, 30 s: one task {1e3 * one:.0f} ms, four tasks {1e3 * four:.0f} ms, "
            f"ratio {four / one:.3f} (at most {MOST_COST_RATIO}); {passes} encoder pass for four"
        )


def real_task_costs(tiny: Path, audio: FloatArray) -> Iterator[str]:
    """Transcription alone against transcription, language and two pooled vectors on tiny.en."""
    encoder = WhisperEncoder(tiny, threads=1)
    decoder = WhisperDecoder(tiny, threads=1)
    window = encoder.encode_window(audio)
    transcribe = Transcribe(decoder, beam_size=1, temperatures=(0.0,))
    language = DetectLanguage(decoder)

    def one() -> None:
        transcribe(fresh(window, encoder))

    def four() -> None:
        encoded = fresh(window, encoder)
        transcribe(encoded)
        language(encoded)
        for layer in (2, 3):
            encoded.encoding(layer)

    before = encoder.passes
    four()
    passes = encoder.passes - before
    first, all_four = cpu_s(one), cpu_s(four)
    yield (
        f"tiny.en int8, 30 s: transcription {1e3 * first:.0f} ms, with language and two pooled "
        f"layers {1e3 * all_four:.0f} ms, ratio {all_four / first:.3f}; {passes} encoder pass"
    )


def padding_costs(base: Path, audio: FloatArray) -> Iterator[str]:
    """Un-padded against padded to 30 s: cost and likeness."""
    fast = WhisperEncoder(base, threads=1)
    exact = WhisperEncoder(base, precision=Precision.FLOAT32, threads=1)
    piece = audio[: 5 * RATE_HZ]
    bare, full = (
        cpu_s(partial(fast.encode_window, piece, padding=padding))
        for padding in (Padding.NONE, Padding.WINDOW)
    )
    yield (
        f"base int8, 5 s: un-padded {1e3 * bare:.0f} ms, padded to 30 s {1e3 * full:.0f} ms, "
        f"{full / bare:.1f} times"
    )
    short = exact.encode_window(piece)
    long = exact.encode_window(piece, padding=Padding.WINDOW)
    yield "base float32, 5 s, un-padded against padded, pooled cosine by layer: " + by_layer(
        [cosine(a, b) for a, b in zip(short.pooled, long.pooled, strict=True)]
    )
    followed = np.concatenate([piece, np.zeros(5 * RATE_HZ, np.float32)])
    longer = exact.encode_window(followed, padding=Padding.WINDOW)
    cut = longer.states[:, : long.valid_frames]
    yield (
        "base float32, x against x and 5 s of zeros cut to x, at 30 s: largest difference "
        f"{np.abs(cut - long.states).max():.2g}; pooled without the cut, least cosine "
        f"{min(cosine(a, b) for a, b in zip(longer.pooled, long.pooled, strict=True)):.3f}"
    )


def fidelity(base: Path, tiny: Path, audio: FloatArray) -> Iterator[str]:
    """int8 against float32 by layer, and the final layer against CTranslate2's own encoder."""
    import ctranslate2

    piece = audio[: 5 * RATE_HZ]
    for folder in (base, tiny):
        exact, fast = (
            WhisperEncoder(folder, precision=precision, threads=1).encode_window(piece)
            for precision in (Precision.FLOAT32, Precision.INT8)
        )
        name = WhisperEncoder(folder, threads=1).checkpoint.name
        yield f"{name}, int8 against float32, pooled cosine by layer: " + by_layer(
            [cosine(a, b) for a, b in zip(exact.pooled, fast.pooled, strict=True)]
        )
    theirs: Any = ctranslate2.models.Whisper(str(tiny), compute_type="int8", intra_threads=1)
    view = ctranslate2.StorageView.from_array(np.ascontiguousarray(log_mel(audio, 80)[None]))
    ours = WhisperEncoder(tiny, threads=1)
    their_s = cpu_s(lambda: theirs.encode(view, to_cpu=True))
    our_s = cpu_s(lambda: ours.encode_window(audio))
    yield (
        f"tiny.en int8, 30 s on one thread: all layers and log-mel here {1e3 * our_s:.0f} ms, "
        f"CTranslate2's last layer alone {1e3 * their_s:.0f} ms"
    )


def calls(tiny: Path, data: Path) -> Iterator[str]:
    """Timed words of both real callers, end to end."""
    encoder = WhisperEncoder(tiny, threads=1)
    decoder = WhisperDecoder(tiny, threads=1)
    for name in CALLS:
        samples, rate_hz = soundfile.read(data / "calls" / f"{name}.stereo.flac", dtype="float32")
        before = encoder.passes
        started = time.process_time()
        encoded = encoder.encode(samples[:, 1], rate_hz)
        encoded_s = time.process_time() - started
        started = time.process_time()
        said = Transcribe(decoder, beam_size=1, temperatures=(0.0,))(encoded)
        decoded_s = time.process_time() - started
        words = [word for segment in said.segments for word in segment.words]
        is_ordered = all(w.t_event_ms <= w.t_end_ms <= encoded.duration_ms for w in words)
        yield (
            f"{name}, caller, {encoded.duration_ms / 1e3:.0f} s: {len(encoded.windows)} windows, "
            f"{encoder.passes - before} passes, {len(words)} timed words "
            f"({'all' if is_ordered else 'NOT all'} in order inside the call), refused "
            f"{len(said.refused)}; CPU {encoded_s:.1f} s to encode, {decoded_s:.1f} s to decode"
        )


def ten_hours(base: Path, audio: FloatArray) -> Iterator[str]:
    """Ten hours, 10 s of speech in each: bounded memory."""
    encoder = WhisperEncoder(base, threads=1)
    encoder.encode_window(audio)
    minute = np.zeros(60 * RATE_HZ, np.float32)
    speaking = minute.copy()
    speaking[: 10 * RATE_HZ] = audio[: 10 * RATE_HZ]
    blocks = (speaking if i % 60 == 0 else minute for i in range(600))
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    windows = sum(1 for _ in encoder.encode_stream(blocks, RATE_HZ))
    spent_s = time.process_time() - started
    grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) / 1024
    yield (
        f"ten hours with 100 s of speech: {windows} windows, {spent_s:.0f} s of CPU, "
        f"peak memory {grown_mib:.0f} MiB above that of one 30 s window"
    )


def by_layer(values: list[float]) -> str:
    """Layer by layer, five digits."""
    return " ".join(f"{value:.5f}" for value in values)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=DEFAULT_DATA, help="folder with the calls; models beside it"
    )
    data = parser.parse_args().data
    models = data.parent / "models"
    base = models / "whisper-base-encoder"
    tiny = models / "whisper-tiny.en-relearned-ct2-int8"
    audio = speech(data / "calls" / "support_call_mono.flac", 60.0, 30.0)
    for section in (
        ten_hours(base, audio),  # first: its peak must not hide behind another's
        task_costs(base, audio),
        real_task_costs(tiny, audio),
        padding_costs(base, audio),
        fidelity(base, tiny, audio),
        calls(tiny, data),
    ):
        for line in section:
            print(line, flush=True)


if __name__ == "__main__":
    main()
