"""The one redaction boundary before every sink: cards, accounts, ids, phones and e-mails.

Chinese and English, written or spelled out digit by digit. A number is taken away for what it
is, not for its length: by its check digits, its country's form, or the word before it. So
amounts, dates and order numbers stay. ``redact(redact(text)) == redact(text)``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

CARD: Final = "[card]"
IBAN: Final = "[iban]"
PERSONAL_ID: Final = "[id]"
PHONE: Final = "[phone]"
EMAIL: Final = "[email]"
NUMBER: Final = "[number]"  # spelled out, so that its kind is not known

_HIDDEN: Final = "\u200b-\u200f\u2060\ufeff\u00ad"  # written between digits, they show nothing
_BETWEEN: Final = rf"[ \t\u00a0\u3000.\-\u2010-\u2015()（）/{_HIDDEN}]{{0,3}}"
_RUN: Final = re.compile(
    rf"(?<![A-Za-z_%\d])(?<!\d[.,])[+＋]?[(（]?\d(?:{_BETWEEN}\d){{5,40}}[Xx]?"
)
_GROUP: Final = re.compile(r"\d+[Xx]?")

_EMAIL: Final = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._%+'-]{0,63}\s?[@＠]\s?"
    r"(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}"
)
_SPOKEN_EMAIL: Final = re.compile(
    r"\b[A-Za-z0-9][A-Za-z0-9._-]{0,63} at (?:[A-Za-z0-9-]{1,63} dot ){1,4}[A-Za-z]{2,24}\b",
    re.IGNORECASE,
)
_IBAN: Final = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}")

_ZH_DIGIT: Final = "[零〇一二三四五六七八九幺两]"
_ZH_DIGITS: Final = re.compile(rf"{_ZH_DIGIT}(?:[ 、，,-]?{_ZH_DIGIT}){{6,}}")
_WORD: Final = r"(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|(?:double|triple) \w{3,5})"
_EN_DIGITS: Final = re.compile(rf"\b{_WORD}(?:[ ,-]{{1,2}}{_WORD}){{6,}}\b", re.IGNORECASE)

_CARD: Final = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3[0689]\d{12,17}|35\d{14,17}"
    r"|(?:50|5[6-8])\d{11,17}|6\d{12,18}|81\d{14,17}"
)
"""Beginnings and lengths that issuers use; the check digit is looked at besides."""

_CUE_CHARS: Final = 24
_PHONE_CUE: Final = re.compile(
    r"(?:\bphone|\btel\b|\bmobile|\bcell|\bcall(?: me)?\b|\breach me|\bnumber is|\bwhatsapp"
    r"|电话|手机|号码|微信|拨打|联系)[^\d]*$",
    re.IGNORECASE,
)
_ID_CUE: Final = re.compile(
    r"(?:\bssn\b|\bsocial security|\bpassport|\bnational id|身份证|护照|社保|证件)[^\d]*$",
    re.IGNORECASE,
)
_ID_NAMED: Final = re.compile(
    r"(?i:(?P<cue>passport|护照)[^A-Za-z0-9\n]{0,8}(?:(?:number|no|is|号码|号|是)[^A-Za-z0-9\n]{0,4}){0,3})"
    r"(?P<id>[A-Za-z]{1,2}\d{6,9})(?![A-Za-z0-9])"
)

_IBANS: Final = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 "
    "EE20 EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 "
    "IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 "
    "NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 "
    "TN24 TR26 UA29 VA22 VG24 XK20"
)
IBAN_LENGTHS: Final[Mapping[str, int]] = MappingProxyType(
    {entry[:2]: int(entry[2:]) for entry in _IBANS.split()}
)
"""Length of an IBAN by country (ISO 13616)."""

_PHONE: Final = re.compile(
    "|".join(
        (
            r"\+[1-9]\d{6,14}",  # E.164
            r"(?:0086|86)?1[3-9]\d{9}",  # China, mobile
            r"(?:400|800)-\d{3,4}-\d{3,4}",  # China, service numbers
            r"0(?:10|2\d|[3-9]\d{2})-\d{7,8}",  # China, fixed
            r"(?:1-?)?[2-9]\d{2}-[2-9]\d{2}-\d{4}",  # North America
            r"0\d{2,4}-\d{3,4}-\d{3,4}",  # Europe and elsewhere, trunk prefix
            r"00[1-9]\d{7,13}",  # international prefix
        )
    )
)
_SOCIAL_SECURITY: Final = re.compile(r"(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}")
"""A number of the United States."""

MIN_DIGITS, MAX_DIGITS = 6, 19
MAX_GROUPS = 20  # more digits written one by one are not looked at, and not shown either


def redact(text: str) -> str:
    """The text with what identifies a person's accounts and whereabouts replaced by its kind."""
    if "@" in text or "＠" in text:  # long words without one would be searched at every letter
        text = _EMAIL.sub(EMAIL, text)
    text = _SPOKEN_EMAIL.sub(EMAIL, text)
    text = _IBAN.sub(_without_iban, text)
    text = _ID_NAMED.sub(_without_named_id, text)
    text = _RUN.sub(_without_number, text)
    text = _ZH_DIGITS.sub(NUMBER, text)
    return _EN_DIGITS.sub(NUMBER, text)


def is_luhn(digits: str) -> bool:
    """Whether the last digit checks the others (ISO/IEC 7812-1)."""
    doubled = [int(d) * (1 + i % 2) for i, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def is_resident_id(digits: str) -> bool:
    """Whether 18 characters are a Chinese resident id: birthday and check digit (GB 11643)."""
    try:
        date(int(digits[6:10]), int(digits[10:12]), int(digits[12:14]))
    except ValueError:
        return False
    total = sum(int(d) * pow(2, 17 - i, 11) for i, d in enumerate(digits[:17]))
    return "10X98765432"[total % 11] == digits[17].upper()


def is_iban(text: str) -> bool:
    """Whether capital letters and digits are an IBAN: its country's length, and 97 divides it."""
    if IBAN_LENGTHS.get(text[:2]) != len(text):
        return False
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def _without_iban(match: re.Match[str]) -> str:
    """The match with an IBAN at its beginning replaced; what follows it may be words."""
    found = match.group()
    length = IBAN_LENGTHS.get(found[:2].upper(), 0)
    places = [i for i, c in enumerate(found) if c.isalnum()]
    if not 0 < length <= len(places) or not is_iban(_plain(found[: places[length - 1] + 1])):
        return found
    return IBAN + found[places[length - 1] + 1 :]


def _without_named_id(match: re.Match[str]) -> str:
    return match.group()[: match.start("id") - match.start()] + PERSONAL_ID


def _without_number(match: re.Match[str]) -> str:
    """A run of digits with each telling number in it replaced, the longest first."""
    run = match.group()
    groups = [found.span() for found in _GROUP.finditer(run)]
    if len(groups) > MAX_GROUPS:
        return NUMBER
    before = match.string[max(0, match.start() - _CUE_CHARS) : match.start()]
    kept, at, index = "", 0, 0
    while index < len(groups):
        begin = _with_sign(run, groups[index][0], at)
        for last in range(len(groups) - 1, index - 1, -1):
            kind = _kind(run[begin : groups[last][1]], before + run[:begin])
            if kind is not None:
                kept += run[at:begin] + kind
                at, index = groups[last][1], last
                break
        index += 1
    return kept + run[at:]


def _with_sign(run: str, start: int, floor: int) -> int:
    """Where a number begins that may open with a bracket or a plus."""
    while start > floor and run[start - 1] in "+＋(（":
        start -= 1
    return start


def _kind(written: str, before: str) -> str | None:
    """What the digits are, if they are anything that must not leave."""
    plain = _plain(written)
    if not MIN_DIGITS <= len(plain) <= MAX_DIGITS:
        return None
    digits, form = plain.rstrip("X"), _form(written)
    if len(plain) == 18 and is_resident_id(plain):
        return PERSONAL_ID
    if _CARD.fullmatch(digits) and is_luhn(digits):
        return CARD
    if _PHONE.fullmatch(form) or _PHONE.fullmatch(form.replace("-", "")):
        return PHONE
    if _SOCIAL_SECURITY.fullmatch(form):
        return PERSONAL_ID
    if 7 <= len(digits) <= 15 and _PHONE_CUE.search(before):
        return PHONE
    return PERSONAL_ID if _ID_CUE.search(before) else None


def _plain(written: str) -> str:
    """Letters and ASCII digits alone, capitals."""
    return "".join(_ascii(c) for c in written if c.isalnum()).upper()


def _form(written: str) -> str:
    """Digits with one hyphen wherever something stood between them, and a leading plus."""
    plus = "+" if written.lstrip("(（")[:1] in ("+", "＋") else ""
    groups = re.findall(r"\d+", written)
    return plus + "-".join("".join(_ascii(c) for c in group) for group in groups)


def _ascii(c: str) -> str:
    return str(unicodedata.digit(c)) if c.isdecimal() else c
