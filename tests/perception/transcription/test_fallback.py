"""Which decoding of a window is believed, with a decoder that says what it is told."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from subtone.perception.encoding import EncodedAudio, EncodedWindow
from subtone.perception.transcription import Transcribe, WhisperDecoder
from subtone.perception.transcription.decoder import Alignment
from subtone.perception.transcription.guards import Decoded
from subtone.perception.transcription.tokens import TokenWord

TIMESTAMPS_FROM = 1_000
VOCABULARY = ["", " it", " is", " not", " working", "."]
SAID = Decoded((1, 2, 3, 4, 5), " it is not working.", -0.4, 0.01)
LOOP = Decoded((1,) * 9, " it" * 9, -0.2, 0.01)
MUMBLED = Decoded((1, 2), " it is", -1.5, 0.01)
HUM = Decoded((1,), " it", -1.5, 0.95)


class Tokens:
    end = 900
    first_timestamp = TIMESTAMPS_FROM

    def start_sequence(self, language: str | None) -> list[int]:
        return [901] if language is None else [901, 902]

    def prompt(self, language: str | None, *, has_timestamps: bool) -> list[int]:
        return [*self.start_sequence(language), *([] if has_timestamps else [903])]

    def text(self, tokens: Any) -> str:
        return "".join(VOCABULARY[token] for token in tokens if token < self.end)

    def words(self, tokens: Any) -> list[TokenWord]:
        return [TokenWord(VOCABULARY[token], 1) for token in tokens]


class Scripted:
    """One answer per temperature; aligns token i to frame 10 i."""

    is_multilingual = True
    tokens = Tokens()

    def __init__(self, *answers: Decoded) -> None:
        self.answers = list(answers)
        self.temperatures: list[float] = []
        self.prompts: list[list[int]] = []
        self.most_tokens: list[int] = []

    def generate(self, _window: EncodedWindow, prompt: list[int], **options: Any) -> Decoded:
        self.temperatures.append(options["temperature"])
        self.most_tokens.append(options["most_tokens"])
        self.prompts.append(prompt)
        return self.answers.pop(0)

    def align(self, _window: EncodedWindow, _start: list[int], text: list[int]) -> Alignment:
        return Alignment(tuple(10 * i for i in range(len(text) + 1)), (1.0,) * len(text))

    def languages(self, _window: EncodedWindow) -> dict[str, float]:
        return {"de": 0.4, "nl": 0.3}


def encoded(duration_ms: int = 2_000) -> EncodedAudio:
    frames = duration_ms // 20
    window = EncodedWindow(
        t_event_ms=7_000,
        t_end_ms=7_000 + duration_ms,
        samples=np.zeros(16 * duration_ms, np.float32),
        states=np.zeros((2, frames, 4), np.float32),
        decoder_states=np.zeros((frames, 4), np.float32),
    )
    return EncodedAudio(encoder="m@0/int8", space="m/none", duration_ms=9_000, windows=(window,))


def transcribe(decoder: Scripted, **options: Any) -> Transcribe:
    return Transcribe(cast("WhisperDecoder", decoder), **options)


def test_the_first_believable_decoding_is_taken() -> None:
    decoder = Scripted(LOOP, MUMBLED, SAID)
    transcription = transcribe(decoder, language="en")(encoded())
    assert decoder.temperatures == [0.0, 0.2, 0.4]
    assert [segment.text for segment in transcription.segments] == ["it is not working."]
    assert transcription.segments[0].confidence == pytest.approx(np.exp(-0.4))
    assert transcription.refused == ()


def test_where_none_is_believable_the_commonest_guard_is_named() -> None:
    decoder = Scripted(LOOP, MUMBLED, LOOP)
    transcription = transcribe(decoder, language="en", temperatures=(0.0, 0.5, 1.0))(encoded())
    assert transcription.segments == ()
    assert transcription.refused == ("repetition",)


def test_a_hum_is_not_asked_twice() -> None:
    decoder = Scripted(HUM)
    assert transcribe(decoder, language="en")(encoded()).refused == ("no_speech",)


def test_words_carry_the_times_of_their_tokens() -> None:
    (segment,) = transcribe(Scripted(SAID), language="en")(encoded()).segments
    assert [(w.t_event_ms, w.t_end_ms, w.text) for w in segment.words] == [
        (7_000, 7_200, "it"),
        (7_200, 7_400, "is"),
        (7_400, 7_600, "not"),
        (7_600, 7_800, "working"),
        (7_800, 8_000, "."),
    ]


def test_the_silence_ahead_of_the_first_word_is_not_its_own() -> None:
    class Late(Scripted):
        def align(self, _window: EncodedWindow, _start: list[int], text: list[int]) -> Alignment:
            assert len(text) == 5
            return Alignment((0, 60, 70, 80, 90, 100), (1.0,) * 5)

    (segment,) = transcribe(Late(SAID), language="en")(encoded()).segments
    assert [(w.t_event_ms, w.t_end_ms) for w in segment.words[:2]] == [
        (7_800, 8_200),  # twice the median of 200 ms, not 1200
        (8_200, 8_400),
    ]


def test_timestamps_make_segments_with_their_own_words() -> None:
    tokens = (TIMESTAMPS_FROM, 1, 2, TIMESTAMPS_FROM + 40, TIMESTAMPS_FROM + 50, 3, 4)
    decoder = Scripted(Decoded(tokens, " it is not working", -0.1, 0.0))
    first, second = transcribe(decoder, language="en", has_timestamps=True)(encoded()).segments
    assert decoder.prompts == [[901, 902]]
    assert (first.t_event_ms, first.t_end_ms, first.text) == (7_000, 7_800, "it is")
    assert (second.t_event_ms, second.t_end_ms, second.text) == (8_000, 9_000, "not working")
    assert [word.text for word in first.words] == ["it", "is"]
    assert [word.text for word in second.words] == ["not", "working"]


def test_an_unsure_language_is_still_decoded_in_the_likeliest() -> None:
    decoder = Scripted(SAID)
    assert transcribe(decoder)(encoded()).language == "de"
    assert decoder.prompts == [[901, 902, 903]]


def test_a_loop_ends_where_no_speech_of_that_length_could_go_on() -> None:
    decoder = Scripted(SAID, SAID)
    transcribe(decoder, language="en")(encoded(1_000))
    transcribe(decoder, language="en")(encoded(30_000))
    assert decoder.most_tokens == [46, 224]
