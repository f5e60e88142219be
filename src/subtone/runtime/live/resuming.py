"""Where a call stood, as bytes for the journal, and the call taken up from there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from subtone.contracts.calibration import Calibration
from subtone.contracts.inbound import InboundEvent
from subtone.contracts.outputs import Decision, Outputs
from subtone.kernel import pipeline
from subtone.kernel.pipeline import CallState, PeerError
from subtone.runtime.journal import JournalError, decode_state, encode_state
from subtone.runtime.live.ledger import CallLedger

_decode = msgspec.msgpack.Decoder(tuple[CallLedger, bytes]).decode


@dataclass(frozen=True, slots=True)
class Resumed:
    """One call after its last journalled event, and what the events since the snapshot said."""

    call_id: str
    ledger: CallLedger
    state: CallState
    said: tuple[tuple[int, Outputs], ...]
    latest: Decision | None


def to_snapshot(ledger: CallLedger, state: CallState) -> bytes:
    """Everything a restart needs of the call after the last event fed."""
    return msgspec.msgpack.encode((ledger, encode_state(state)))


def resume(
    call_id: str,
    snapshot: bytes | None,
    events: Iterable[InboundEvent],
    calibration: Calibration | None = None,
) -> Resumed:
    """Feed what came after the snapshot. Raises JournalError for one that cannot be read."""
    ledger, state = CallLedger(), pipeline.start(calibration)
    if snapshot is not None:
        try:
            ledger, encoded = _decode(snapshot)
        except (msgspec.DecodeError, ValueError) as error:
            raise JournalError(f"the snapshot of call {call_id!r} is damaged ({error})") from error
        state = decode_state(encoded)
    said: list[tuple[int, Outputs]] = []
    for event in events:
        ledger.add(event)
        try:
            state, outputs = pipeline.feed(state, event)
        except PeerError:
            continue  # it was refused the first time too
        said.append((ledger.event_count, outputs))
    decisions = [d for _, outputs in said for d in outputs.decisions]
    latest = decisions[-1] if decisions else None
    return Resumed(call_id, ledger, state, tuple(said), latest)
