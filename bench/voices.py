"""How well pooled Whisper tells people apart once turned: ``python -m bench.voices``.

What ``subtone train --task speaker`` says of each corpus, heads of one corpus on the voices of
the others, and people of EMO-DB enrolled and identified by ``SpeakerHead``: their three longest
neutral utterances, wide, then all their other clips, in whatever emotion. Acted speech.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from bench.corpora import DEFAULT_DATA
from subtone.perception.encoder.whisper import WhisperEncoder
from subtone.perception.heads.files import StoredHead
from subtone.perception.heads.speaker import SpeakerHead
from subtone.perception.heads.voices import TrainedVoice, speech_ms
from subtone.perception.learning.cache import FeatureCache
from subtone.perception.learning.clips import Clip, file_digest, load_clip
from subtone.perception.learning.corpora import read_corpus
from subtone.perception.learning.features import WhisperLayers
from subtone.perception.learning.renditions import BANDS, WIDE, render
from subtone.perception.learning.splits import speaker_folds
from subtone.perception.learning.training.table import build_table
from subtone.perception.learning.voice_trials import CONDITIONS, equal_error, pair_trials
from subtone.perception.learning.voices import train_voices, voice_table

ENCODER = DEFAULT_DATA.parents[1] / "models" / "whisper-base-encoder"
CACHE = Path("out") / "features"
TEACHERS, OTHERS = ("emodb", "ravdess"), ("emodb", "ravdess", "nemo", "emotale")
ENROLLED_BY, FOLDS = 3, 3


def of_card(head: StoredHead) -> Iterator[str]:
    """What the card says of speakers never heard."""
    f = head.card.figures
    for condition in CONDITIONS:
        yield (
            f"  unseen speakers, {condition:9} EER {f[f'eer_{condition}']:.3f} "
            f"[{f[f'eer_{condition}_low']:.2f}, {f[f'eer_{condition}_high']:.2f}] at cosine "
            f"{f[f'threshold_{condition}']:.2f}, as it is {f[f'raw_eer_{condition}']:.3f}"
        )


def elsewhere(
    head: StoredHead, clips: list[Clip], extractor: WhisperLayers, cache: FeatureCache
) -> Iterator[str]:
    """A head on the voices of another corpus."""
    table = voice_table(build_table(clips, extractor, BANDS, cache))
    groups = table.groups(len(set(table.voices.tolist())))
    for condition, bands in CONDITIONS.items():
        pair = [table.values[band][:, head.card.layer] for band in bands]
        judged, plain = (
            equal_error(pair_trials(vectors, table, groups)).rate
            for vectors in ([head.outputs(x) for x in pair], pair)
        )
        yield (
            f"  on {clips[0].corpus:8} {len(clips):4} clips {groups.max() + 1:2} speakers "
            f"{condition:9} EER {judged.value:.3f} [{judged.low:.2f}, {judged.high:.2f}], "
            f"as it is {plain.value:.3f} [{plain.low:.2f}, {plain.high:.2f}]"
        )


def identified(clips: list[Clip], extractor: WhisperLayers, cache: FeatureCache) -> Iterator[str]:
    """People enrolled and found again, in turn a third of the speakers."""
    encoder = extractor.encoder
    counts = {band: dict.fromkeys(("right", "wrong", "nobody", "taken for another"), 0)
              for band in BANDS}  # fmt: skip
    told, short = dict.fromkeys(BANDS, 0), 0
    for fold in speaker_folds(clips, FOLDS):
        learnt = train_voices([clips[i] for i in fold.train], extractor, cache, name="voice")
        recogniser = SpeakerHead(TrainedVoice(learnt), is_voiceprint_allowed=True)
        heard = [clips[i] for i in fold.test]
        audio = {
            (clip.path, band): encoder.encode(
                render(load_clip(clip), band, file_digest(clip.path)), 16_000
            )
            for clip in heard
            for band in BANDS
        }
        enrolling = {
            voice: sorted(
                (c for c in heard if c.voice == voice and c.label == "neutral"),
                key=lambda c: -speech_ms(audio[c.path, WIDE]),
            )[:ENROLLED_BY]
            for voice in sorted({c.voice for c in heard})
        }
        prints = {
            voice: recogniser.enrol([audio[c.path, WIDE] for c in theirs])
            for voice, theirs in enrolling.items()
        }
        known = SpeakerHead(TrainedVoice(learnt), is_voiceprint_allowed=True, voiceprints=prints)
        without = {
            voice: SpeakerHead(
                TrainedVoice(learnt),
                is_voiceprint_allowed=True,
                voiceprints={v: p for v, p in prints.items() if v != voice},
            )
            for voice in prints
        }
        used = {clip.path for theirs in enrolling.values() for clip in theirs}
        for clip in (c for c in heard if c.path not in used):
            for band in BANDS:
                found = known(audio[clip.path, band])
                if found.speaker_id is None and found.similarity == 0.0:
                    short += 1
                    continue
                told[band] += 1
                verdict = {None: "nobody", clip.voice: "right"}.get(found.speaker_id, "wrong")
                counts[band][verdict] += 1
                stranger = without[clip.voice](audio[clip.path, band])
                counts[band]["taken for another"] += stranger.speaker_id is not None
    for band, verdicts in counts.items():
        shares = ", ".join(f"{what} {n / told[band]:.2f}" for what, n in verdicts.items())
        yield f"  {band:9} of {told[band]} clips: {shares} (where not enrolled)"
    yield f"  too little speech to say: {short} clips of both bands"


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of the corpora")
    parser.add_argument("--model", type=Path, default=ENCODER, help="Whisper checkpoint")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where encoded clips are kept")
    options = parser.parse_args()
    extractor = WhisperLayers(WhisperEncoder(options.model, threads=1))
    cache = FeatureCache(options.cache)
    corpora = {name: read_corpus(options.data / name) for name in OTHERS}
    for teacher in TEACHERS:
        head = train_voices(corpora[teacher], extractor, cache, name=f"voice-{teacher}")
        print(f"layer {head.card.layer}, {head.card.data}")
        print("\n".join(of_card(head)), flush=True)
        for name in OTHERS:
            if name != teacher:
                print("\n".join(elsewhere(head, corpora[name], extractor, cache)), flush=True)
    print(
        f"emodb, the {ENROLLED_BY} longest neutral utterances of each enrolled wide, {FOLDS} folds "
        "over speakers"
    )
    print("\n".join(identified(corpora["emodb"], extractor, cache)))


if __name__ == "__main__":
    main()
