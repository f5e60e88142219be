"""What must not leave is replaced; what a supervisor needs to read stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.surfaces.redaction import is_iban, is_luhn, is_resident_id, redact

TELLING = [
    ("my card is 4111 1111 1111 1111, expires 12/27", "my card is [card], expires 12/27"),
    ("4111-1111-1111-1111", "[card]"),
    ("4111111111111111 and 5500005555555559", "[card] and [card]"),
    ("卡号是6222021234567890128吧", "卡号是[card]吧"),
    ("４１１１１１１１１１１１１１１１", "[card]"),
    ("4111\u200b1111\u200b1111\u200b1111", "[card]"),
    ("378282246310005", "[card]"),
    ("身份证11010519491231002X,谢谢", "身份证[id],谢谢"),
    ("11010519491231002x", "[id]"),
    ("my SSN is 078-05-1120.", "my SSN is [id]."),
    ("my passport number is E12345678", "my passport number is [id]"),
    ("护照号是E12345678。", "护照号是[id]。"),
    ("打13812345678找我", "打[phone]找我"),
    ("138-1234-5678", "[phone]"),
    ("138 1234 5678", "[phone]"),
    ("+86 138 1234 5678", "[phone]"),
    ("座机010-62345678", "座机[phone]"),
    ("400-800-8820", "[phone]"),
    ("call me on (202) 555-0143 please", "call me on [phone] please"),
    ("202-555-0143", "[phone]"),
    ("+44 20 7946 0958", "[phone]"),
    ("020 7946 0958", "[phone]"),
    ("my phone number is 2025550143", "my phone number is [phone]"),
    ("write to jane.doe+x@mail.example.co.uk!", "write to [email]!"),
    ("邮箱是zhang.san@qq.com的", "邮箱是[email]的"),
    ("jane at example dot com", "[email]"),
    ("IBAN DE89 3704 0044 0532 0130 00 thanks", "IBAN [iban] thanks"),
    ("BE68 5390 0754 7034 call me", "[iban] call me"),
    ("gb82west12345698765432", "[iban]"),
    ("号码一三八一二三四五六七八", "号码[number]"),
    ("it is four one one one, double one one one one", "it is [number]"),
    ("号码:13812345678、13912345678", "号码:[phone]、[phone]"),
]
HARMLESS = [
    "I paid 1,234,567.89 on 2024-01-15 at 10:30",
    "order 20240115-0042 is late",
    "order 1234567890 since 12/03/2024",
    "订单号202401150042还没到",
    "a bill of 300 400 500 and 600 euros",
    "version 1.2.3.4 at 192.168.100.200",
    "I waited 45 minutes, 3 times, in 2023 2024 2025",
    "4111 1111 1111 1112",
    "我等了一二三天,说了一百二十三次",
    "one or two or three times",
    "at home dot",
    "DE89 3704 0044 05 is a part",
    "room 101, floor 12, 1998 to 2024",
]


@pytest.mark.parametrize(("said", "told"), TELLING)
def test_what_identifies_a_person_is_replaced(said: str, told: str) -> None:
    assert redact(said) == told


@pytest.mark.parametrize("said", HARMLESS)
def test_other_numbers_stay(said: str) -> None:
    assert redact(said) == said


def with_luhn(body: str) -> str:
    return next(body + str(d) for d in range(10) if is_luhn(body + str(d)))


@given(
    st.sampled_from([("4", 16), ("51", 16), ("2221", 16), ("37", 15), ("62", 19), ("36", 14)]),
    st.text("0123456789", min_size=19, max_size=19),
    st.sampled_from(["", " ", "-"]),
)
def test_every_card_is_found_however_it_is_grouped(
    issuer: tuple[str, int], rest: str, sep: str
) -> None:
    number = with_luhn((issuer[0] + rest)[: issuer[1] - 1])
    written = sep.join(number[i : i + 4] for i in range(0, len(number), 4))
    told = redact(f"it is {written}.")
    assert number not in told
    assert written not in told
    assert told.startswith("it is [")


@given(st.text(alphabet="0123456789 -.+()@aXx零一二[]卡是电话\u200b４", max_size=80))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@given(st.text(max_size=200))
def test_any_text_is_taken(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@given(st.integers(min_value=0, max_value=10**15), st.sampled_from([0, 2]))
def test_amounts_stay(cents: int, places: int) -> None:
    text = f"it cost {cents / 10**places:,.{places}f} euros"
    assert redact(text) == text


def test_a_hostile_text_takes_no_time() -> None:
    for piece in ("1 ", "1.", "a@", "a.", "one ", "DE12 ", "一 ", "+", "(", "passport "):
        redact(piece * 2_000)


def test_check_digits() -> None:
    assert is_luhn("4111111111111111")
    assert not is_luhn("4111111111111112")
    assert is_resident_id("11010519491231002X")
    assert not is_resident_id("110105194912310021")
    assert not is_resident_id("11010519491331002X")
    assert is_iban("GB82WEST12345698765432")
    assert not is_iban("GB82WEST12345698765433")


@pytest.mark.parametrize(
    "written", ["4 " * 40, "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21"]
)
def test_a_long_row_of_digits_written_one_by_one_is_not_shown(written: str) -> None:
    assert redact(f"it is {written.strip()} ok") == "it is [number] ok"
