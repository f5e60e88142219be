"""Corpora are read by their published names; what cannot be read says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from subtone.perception.learning.corpora import CORPORA, read_corpus
from subtone.perception.learning.errors import LearningError
from support_shared import shared

# corpus: path below its folder, speaker, sentence, language, label
NAMES = {
    "ravdess": ("Actor_12/03-01-06-01-02-01-12.wav", "12", "02", "en", "fear"),
    "emodb": ("wav/03a01Fa.wav", "03", "a01", "de", "happy"),
    "cremad": ("AudioWAV/1001_DFA_ANG_XX.wav", "1001", "DFA", "en", "angry"),
    "tess": ("OAF_Pleasant_surprise/OAF_back_ps.wav", "OA", "back", "en", "surprise"),
    "savee": ("AudioData/DC/sa01.wav", "DC", "common-01", "en", "sad"),
    "esd": ("0011/Angry/0011_000351.wav", "0011", "en-1", "en", "angry"),
    "casia": ("liuchanhg/surprise/201.wav", "liuchanhg", "201", "zh", "surprise"),
    "nemo": ("AO0_anger_7.wav", "AO0", "7", "pl", "angry"),
    "emotale": ("DK/DK_010_N_5.wav", "010", "DK-5", "da", "neutral"),
}


@pytest.mark.parametrize("corpus", sorted(NAMES))
def test_a_published_name_says_who_speaks_and_how(corpus: str, tmp_path: Path) -> None:
    name, speaker, sentence, language, label = NAMES[corpus]
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    (tmp_path / "README.wav").touch()
    (clip,) = read_corpus(tmp_path)
    assert (clip.corpus, clip.speaker, clip.sentence) == (corpus, speaker, sentence)
    assert (clip.language, clip.label, clip.path) == (language, label, path)
    assert clip.licence
    assert clip.is_acted


def test_songs_of_ravdess_and_odd_names_of_tess_are_known(tmp_path: Path) -> None:
    for name in ("03-02-06-01-02-01-12.wav", "OA_bite_neutral.wav", "YAF_dog_sad.wav"):
        (tmp_path / name).touch()
    assert {clip.speaker for clip in read_corpus(tmp_path)} == {"OA", "YA"}


def test_esd_numbers_the_same_text_once_per_emotion(tmp_path: Path) -> None:
    for name in ("0001/Neutral/0001_000007.wav", "0001/Sad/train/0001_001057.wav"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    clips = read_corpus(tmp_path, "esd")
    assert {clip.sentence for clip in clips} == {"zh-7"}


def test_iemocap_is_read_from_its_tables(tmp_path: Path) -> None:
    table = tmp_path / "Session1" / "dialog" / "EmoEvaluation" / "Ses01F_script02_1.txt"
    table.parent.mkdir(parents=True)
    table.write_text(
        "% [START - END] TURN EMOTION\n\n"
        "[1.0 - 2.5]\tSes01F_script02_1_M003\tfru\t[2.5, 2.5, 2.5]\n"
        "[3.0 - 4.5]\tSes01F_script02_1_F004\txxx\t[2.5, 2.5, 2.5]\n"
    )
    (clip,) = read_corpus(tmp_path)
    assert (clip.corpus, clip.speaker, clip.sentence) == ("iemocap", "Ses01M", "script02")
    assert (clip.emotion, clip.arousal_sign, clip.valence_sign) == (None, 1, -1)
    assert clip.path.parts[-3:] == ("wav", "Ses01F_script02_1", "Ses01F_script02_1_M003.wav")


def test_meld_is_read_from_its_tables(tmp_path: Path) -> None:
    (tmp_path / "train_splits").mkdir()
    (tmp_path / "train_splits" / "dia3_utt1.flac").touch()
    (tmp_path / "train_sent_emo.csv").write_text(
        "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID\n"
        '1,"Oh, hi",Joey,joy,positive,3,1\n'
    )
    (clip,) = read_corpus(tmp_path)
    assert (clip.speaker, clip.label, clip.path.name) == ("Joey", "happy", "dia3_utt1.flac")


def test_msp_podcast_rates_arousal_and_valence_itself(tmp_path: Path) -> None:
    (tmp_path / "Labels").mkdir()
    (tmp_path / "Audios").mkdir()
    (tmp_path / "Labels" / "labels_consensus.csv").write_text(
        "FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID\n"
        "MSP-PODCAST_0001_0008.wav,N,5.2,4.1,4.0,127\n"
        "MSP-PODCAST_0001_0009.wav,H,5.2,6.0,4.0,Unknown\n"
    )
    (clip,) = read_corpus(tmp_path)
    assert (clip.arousal_sign, clip.valence_sign, clip.is_acted) == (1, 0, False)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_manifest_lists_clips_of_ones_own(suffix: str, tmp_path: Path) -> None:
    rows = {
        ".csv": "path,speaker,emotion,language,acted,valence\na.wav,Ann,Anger,fr,yes,-1\n",
        ".jsonl": '{"path": "a.wav", "speaker": "Ann", "emotion": "Anger", "language": "fr", '
        '"acted": true, "valence": -1}\n\n',
    }
    manifest = tmp_path / f"mine{suffix}"
    manifest.write_text(rows[suffix])
    (clip,) = read_corpus(manifest)
    assert (clip.path, clip.corpus, clip.voice) == (tmp_path / "a.wav", "mine", "mine/Ann")
    assert (clip.label, clip.language, clip.is_acted, clip.valence_sign) == (
        "angry",
        "fr",
        True,
        -1,
    )


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.wav,,angry,", "line 2: lacks speaker"),
        ("a.wav,Ann,cross,", "line 2: no such emotion 'cross'; use one of neutral"),
        ("a.wav,Ann,angry,perhaps", "line 2: acted is true or false"),
    ],
)
def test_a_manifest_names_the_line_at_fault(row: str, message: str, tmp_path: Path) -> None:
    manifest = tmp_path / "mine.csv"
    manifest.write_text(f"path,speaker,emotion,acted\n{row}\n")
    with pytest.raises(LearningError, match=message):
        read_corpus(manifest)


def test_what_is_no_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LearningError, match="holds no clips named as any known corpus"):
        read_corpus(tmp_path)
    with pytest.raises(LearningError, match="no corpus 'mine'; use one of ravdess"):
        read_corpus(tmp_path, "mine")
    with pytest.raises(LearningError, match="no such folder"):
        read_corpus(tmp_path / "absent")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(LearningError, match=r"\.csv or \.jsonl"):
        read_corpus(tmp_path / "notes.txt")
    assert len(CORPORA) == 12


@pytest.mark.parametrize(
    ("corpus", "clips", "speakers"),
    [("ravdess", 959, 16), ("emodb", 535, 10), ("nemo", 216, 9), ("emotale", 300, 15)],
)
def test_real_corpora_are_read_whole(corpus: str, clips: int, speakers: int) -> None:
    found = read_corpus(shared("data", "emotion", corpus))
    assert (len(found), len({clip.speaker for clip in found})) == (clips, speakers)
    assert {clip.corpus for clip in found} == {corpus}
