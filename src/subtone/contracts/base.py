"""What every contract shares: frozen, keyword-only, tagged, and checked when it is built.

msgspec checks ranges only while decoding; a constructor accepts anything. So one
``__post_init__`` derives the same checks from the same annotations: a NaN, an
infinity or a value outside its range is refused wherever the value comes from.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from enum import Enum
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta


class ContractError(ValueError):
    """A value broke its contract; the message names the field and the allowed range."""


_Check = Callable[[str, Any], None]


class Contract(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag=True,
    tag_field="contract",
    forbid_unknown_fields=True,
):
    """Base of all contracts; see each field's type for its unit and range."""

    def __post_init__(self) -> None:
        for field, check in _checks(type(self)):
            check(f"{type(self).__name__}.{field}", getattr(self, field))


@cache
def _checks(contract: type[Contract]) -> tuple[tuple[str, _Check], ...]:
    hints = get_type_hints(contract, include_extras=True)
    found = ((name, _check_for(hints[name])) for name in contract.__struct_fields__)
    return tuple((name, check) for name, check in found if check is not None)


def _check_for(hint: Any) -> _Check | None:
    """The check a type annotation implies, or None where it implies nothing."""
    origin = get_origin(hint)
    if origin is Annotated:
        base, *metas = get_args(hint)
        bounds = [m for m in metas if isinstance(m, Meta)]
        if base in (int, float):
            return _number_check(base, bounds)
        inner = _check_for(base)
        lengths = [m for m in bounds if m.max_length is not None or m.min_length is not None]
        return _length_check(lengths, inner) if lengths else inner
    if hint in (int, float):
        return _number_check(hint, [])
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _instance_check(hint)
    if origin in (Union, types.UnionType):
        members = [a for a in get_args(hint) if a is not type(None)]
        if len(members) == 1 and len(get_args(hint)) == 2:
            inner = _check_for(members[0])
            return None if inner is None else lambda at, v: None if v is None else inner(at, v)
        return None
    if origin is tuple:
        args = get_args(hint)
        if len(args) == 2 and args[1] is Ellipsis:
            return _items_check(_check_for(args[0]))
    return None


def _number_check(kind: type, bounds: list[Meta]) -> _Check:
    def check(at: str, value: Any) -> None:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or (kind is int and not isinstance(value, int)):
            raise ContractError(f"{at} must be {kind.__name__}, got {type(value).__name__}")
        if not math.isfinite(value):
            raise ContractError(f"{at} must be finite, got {value}")
        for m in bounds:
            if (
                (m.ge is not None and value < m.ge)
                or (m.le is not None and value > m.le)
                or (m.gt is not None and value <= m.gt)
                or (m.lt is not None and value >= m.lt)
            ):
                limits = ((">=", m.ge), ("<=", m.le), (">", m.gt), ("<", m.lt))
                allowed = ", ".join(f"{sign} {x}" for sign, x in limits if x is not None)
                raise ContractError(f"{at} must be {allowed}, got {value}")

    return check


def _length_check(bounds: list[Meta], inner: _Check | None) -> _Check:
    def check(at: str, value: Any) -> None:
        for m in bounds:
            if m.max_length is not None and len(value) > m.max_length:
                raise ContractError(f"{at} must have at most {m.max_length} items or characters")
            if m.min_length is not None and len(value) < m.min_length:
                raise ContractError(f"{at} must have at least {m.min_length} items or characters")
        if inner is not None:
            inner(at, value)

    return check


def _instance_check(kind: type) -> _Check:
    def check(at: str, value: Any) -> None:
        if not isinstance(value, kind):
            raise ContractError(f"{at} must be a {kind.__name__}, got {value!r}")

    return check


def _items_check(inner: _Check | None) -> _Check:
    def check(at: str, value: Any) -> None:
        if not isinstance(value, tuple):
            raise ContractError(f"{at} must be a tuple, got {type(value).__name__}")
        if inner is not None:
            for item in value:
                inner(at, item)

    return check


# --- units: the only number types a contract field uses -----------------------------------

MAX_CALL_MS = 7 * 24 * 3_600_000

TimeMs = Annotated[
    int, Meta(ge=0, le=MAX_CALL_MS, description="milliseconds on the call's media clock")
]
SeenMs = Annotated[
    int, Meta(ge=0, description="milliseconds on the receiver's clock, when we had it")
]
DurationMs = Annotated[int, Meta(ge=0, le=MAX_CALL_MS, description="duration in milliseconds")]
LagMs = Annotated[
    int, Meta(ge=-MAX_CALL_MS, le=MAX_CALL_MS, description="signed lag in milliseconds")
]
Unit01 = Annotated[float, Meta(ge=0.0, le=1.0, description="0 absent, 1 strongest")]
Signed1 = Annotated[float, Meta(ge=-1.0, le=1.0, description="-1 to 1")]
ZScore = Annotated[
    float, Meta(ge=-3.0, le=3.0, description="deviations from the caller's baseline, clipped")
]
Db = Annotated[float, Meta(ge=-200.0, le=200.0, description="decibel")]
DbSlope = Annotated[float, Meta(ge=-1000.0, le=1000.0, description="decibel per second")]
SemitoneSlope = Annotated[float, Meta(ge=0.0, le=1000.0, description="semitones per second")]
Variance = Annotated[float, Meta(ge=0.0, description="variance in the squared unit of its field")]
Hz = Annotated[float, Meta(ge=0.0, le=8000.0, description="hertz")]
Semitones = Annotated[
    float, Meta(ge=-60.0, le=120.0, description="semitones above 27.5 Hz, or a difference")
]
Flux = Annotated[float, Meta(ge=0.0, le=1.5, description="distance of two unit vectors")]
RateHz = Annotated[float, Meta(ge=0.0, le=50.0, description="events per second")]
SampleRateHz = Annotated[int, Meta(ge=8000, le=16000, description="8000 or 16000 hertz")]
Count = Annotated[int, Meta(ge=0, description="a count")]
Weight = Annotated[float, Meta(ge=0.0, le=100.0, description="a non-negative weight")]
Name = Annotated[str, Meta(min_length=1, max_length=200, description="identifier")]
