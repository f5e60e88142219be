from __future__ import annotations

from pathlib import Path

import pytest

from subtone.perception.errors import CheckpointError
from subtone.perception.transcription.task import Stretch, split_at_timestamps
from subtone.perception.transcription.tokens import WhisperTokens
from support_shared import shared


@pytest.fixture(scope="module")
def many() -> WhisperTokens:
    return WhisperTokens(shared("models", "whisper-base-encoder"))


@pytest.fixture(scope="module")
def english() -> WhisperTokens:
    return WhisperTokens(shared("models", "whisper-tiny.en-relearned-ct2-int8"))


def test_prompts_are_whispers(many: WhisperTokens, english: WhisperTokens) -> None:
    assert english.prompt(None, has_timestamps=False) == [50257, 50362]
    assert english.prompt(None, has_timestamps=True) == [50257]
    assert many.prompt("en", has_timestamps=False) == [50258, 50259, 50359, 50363]
    assert many.prompt("zh", has_timestamps=True) == [50258, 50260, 50359]
    assert many.first_timestamp == 50364
    with pytest.raises(CheckpointError, match=r"has no <\|xx\|>"):
        many.prompt("xx", has_timestamps=False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (" It's fine, really.", ["It's", "fine,", "really."]),
        (' He said "no" (twice) ...', ["He", "said", '"no"', "(twice) ..."]),
        (" 我想退订单。", ["我", "想", "退", "订", "单。"]),
        ("我的order没到，please", ["我的", "order", "没", "到，", "please"]),
        (" 감사합니다 정말", ["감사합니다", "정말"]),
        (" ¿Qué tal? ¡Bien!", ["¿Qué", "tal?", "¡Bien!"]),
    ],
)
def test_words_are_whole(many: WhisperTokens, text: str, words: list[str]) -> None:
    tokens = many._tokenizer.encode(text, add_special_tokens=False).ids
    split = many.words(tokens)
    assert [word.text.strip() for word in split] == words
    assert "".join(word.text for word in split) == many.text(tokens)
    assert sum(word.n_tokens for word in split) == len(tokens)


def test_timestamps_split_a_window() -> None:
    first = 100
    tokens = [first, 1, 2, first + 50, first + 60, 3, first + 900]
    assert split_at_timestamps(tokens, first, 5_000) == [
        Stretch(0, 1_000, (1, 2)),
        Stretch(1_200, 5_000, (3,)),
    ]
    assert split_at_timestamps([1, 2], first, 700) == [Stretch(0, 700, (1, 2))]
    assert split_at_timestamps([], first, 700) == []


def test_a_tokenizer_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is missing"):
        WhisperTokens(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(CheckpointError, match="cannot be read"):
        WhisperTokens(tmp_path)
    (tmp_path / "tokenizer.json").write_text(
        '{"version": "1.0", "added_tokens": [], '
        '"model": {"type": "BPE", "vocab": {}, "merges": []}}'
    )
    with pytest.raises(CheckpointError, match="no Whisper tokenizer"):
        WhisperTokens(tmp_path)
