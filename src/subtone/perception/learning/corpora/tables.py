"""Corpora whose labels are in tables beside the audio: IEMOCAP, MELD, MSP-Podcast."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from subtone.perception.learning.clips import Clip
from subtone.perception.learning.errors import LearningError
from subtone.perception.learning.labels import label_of

_IEMOCAP_LINE: Final = re.compile(
    r"\[[\d. -]+\]\t(?P<name>(?P<dialog>Ses\d\d[FM]_\w+)_(?P<gender>[FM])\d+)\t(?P<label>\w+)\t"
)
_IEMOCAP_LABELS: Final = {
    "ang": "angry",
    "dis": "disgust",
    "exc": "excited",
    "fea": "fear",
    "fru": "frustrated",
    "hap": "happy",
    "neu": "neutral",
    "sad": "sad",
    "sur": "surprise",
}
_MELD_FOLDERS: Final = {
    "train_sent_emo.csv": ("train_splits",),
    "dev_sent_emo.csv": ("dev_splits_complete",),
    "test_sent_emo.csv": ("output_repeated_splits_test", "test_splits"),
}
_MSP_LABELS: Final = {
    "A": "angry",
    "C": "contempt",
    "D": "disgust",
    "F": "fear",
    "H": "happy",
    "N": "neutral",
    "S": "sad",
    "U": "surprise",
}
_AUDIO: Final = (".wav", ".flac")


def iemocap(folder: Path) -> Iterator[Clip]:
    """Sessions with ``dialog/EmoEvaluation/*.txt``; clips without agreement are left out.

    A script is one sentence, for actors repeat its lines; improvisations have none.
    """
    for table in sorted(folder.glob("**/dialog/EmoEvaluation/Ses*.txt")):
        audio = table.parents[2] / "sentences" / "wav"
        for line in table.read_text("utf-8", errors="replace").splitlines():
            match = _IEMOCAP_LINE.match(line)
            if match is None or match["label"] not in _IEMOCAP_LABELS:
                continue
            script = re.search(r"script\d+", match["dialog"])
            yield Clip(
                path=_audio(audio / match["dialog"] / match["name"]),
                corpus="iemocap",
                speaker=match["dialog"][:5] + match["gender"],
                sentence=script.group() if script else None,
                language="en",
                label=_IEMOCAP_LABELS[match["label"]],
                is_acted=True,
                licence="research only",
            )


def meld(folder: Path) -> Iterator[Clip]:
    """``*_sent_emo.csv`` and the folders of its splits; take the sound out of the mp4 first."""
    for name, splits in _MELD_FOLDERS.items():
        for table in sorted(folder.glob(f"**/{name}")):
            places = [p for split in splits for p in sorted(folder.glob(f"**/{split}"))]
            for row in _rows(table, "Dialogue_ID", "Utterance_ID", "Speaker", "Emotion"):
                label = label_of(row["Emotion"])
                stem = f"dia{row['Dialogue_ID']}_utt{row['Utterance_ID']}"
                if label is None or not places:
                    continue
                yield Clip(
                    path=_audio(places[0] / stem),
                    corpus="meld",
                    speaker=row["Speaker"],
                    sentence=None,
                    language="en",
                    label=label,
                    is_acted=True,
                    licence="GPL-3.0; the sound is a broadcaster's",
                )


def msp_podcast(folder: Path) -> Iterator[Clip]:
    """``labels_consensus.csv`` and ``Audios``; EmoAct and EmoVal (1 to 7) give the signs.

    Unknown speakers and clips without agreement are left out.
    """
    for table in sorted(folder.glob("**/labels_consensus.csv")):
        places = sorted(folder.glob("**/Audio*"))
        for row in _rows(table, "FileName", "EmoClass", "EmoAct", "EmoVal", "SpkrID"):
            label = _MSP_LABELS.get(row["EmoClass"])
            if label is None or row["SpkrID"].lower() == "unknown" or not places:
                continue
            yield Clip(
                path=_audio(places[0] / Path(row["FileName"]).stem),
                corpus="msp_podcast",
                speaker=row["SpkrID"],
                sentence=None,
                language="en",
                label=label,
                is_acted=False,
                licence="research only",
                arousal=_sign(row["EmoAct"]),
                valence=_sign(row["EmoVal"]),
            )


TABLES: Final = {"iemocap": iemocap, "meld": meld, "msp_podcast": msp_podcast}


def _sign(rating: str) -> int:
    """Of a rating from 1 to 7: half a step around the middle is neither."""
    value = float(rating) - 4.0
    return 0 if abs(value) <= 0.5 else 1 if value > 0.0 else -1


def _audio(stem: Path) -> Path:
    """The file of that stem; the wav that should be there where there is none."""
    found = (stem.with_name(stem.name + suffix) for suffix in _AUDIO)
    return next((path for path in found if path.exists()), stem.with_name(f"{stem.name}.wav"))


def _rows(table: Path, *columns: str) -> Iterator[dict[str, str]]:
    with table.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.DictReader(file)
        missing = sorted(set(columns) - set(reader.fieldnames or ()))
        if missing:
            raise LearningError(
                f"{table.name}: lacks the columns {', '.join(missing)}; give the published table"
            )
        yield from reader
