"""The authored call, repeated for hours."""

from __future__ import annotations

import msgspec

from subtone.contracts.analysis import CallAnalysis
from support_analysis import hidden_frustration_call


def long_call(hours: int) -> CallAnalysis:
    """The same three minutes over and over, for as long as asked."""
    call = hidden_frustration_call()
    repeats = hours * 20
    decisions = []
    for r in range(repeats):
        shift = r * 180_000
        for d in call.decisions:
            t = d.moment.t_event_ms + shift
            moment = msgspec.structs.replace(
                d.moment, index=d.moment.index + 36 * r, t_event_ms=t, t_seen_ms=t
            )
            snapshot = msgspec.structs.replace(d.snapshot, t_event_ms=t)
            transition = d.transition and msgspec.structs.replace(d.transition, t_event_ms=t)
            decisions.append(
                msgspec.structs.replace(d, moment=moment, snapshot=snapshot, transition=transition)
            )
    turns = tuple(
        msgspec.structs.replace(
            a,
            turn=msgspec.structs.replace(
                a.turn,
                turn_id=f"{a.turn.turn_id}-{r}",
                t_event_ms=a.turn.t_event_ms + r * 180_000,
                t_end_ms=a.turn.t_end_ms + r * 180_000,
            ),
        )
        for r in range(repeats)
        for a in call.turns
    )
    tracks = tuple(
        msgspec.structs.replace(
            t,
            duration_ms=180_000 * repeats,
            talk_ms=t.talk_ms * repeats,
            envelope=t.envelope * repeats,
        )
        for t in call.tracks
    )
    return msgspec.structs.replace(
        call, duration_ms=180_000 * repeats, decisions=tuple(decisions), turns=turns, tracks=tracks
    )
