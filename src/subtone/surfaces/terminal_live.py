"""A running call in the terminal: one line for each turn and each decided moment, as it comes."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from subtone.contracts.outputs import AnalysedTurn, Decision
from subtone.contracts.session_state import LocalText
from subtone.contracts.vocabulary import Role
from subtone.surfaces.report.words import ROLES, UiLanguage, clock, say, visible
from subtone.surfaces.terminal import GLYPHS, STYLES, bar, state_text

_SPEAKER_COLUMNS = 8
_STATE = LocalText(en="state", zh="状态")
_WORDS = LocalText(en="words", zh="文本")
_VOICE = LocalText(en="voice", zh="语音")
_SCORE = LocalText(en="score", zh="分数")


def render_live(console: Console, item: AnalysedTurn | Decision, language: UiLanguage) -> None:
    """Print what was said, or where the call stands after a moment and why that changed."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(width=_SPEAKER_COLUMNS, no_wrap=True)
    grid.add_column(overflow="fold")
    if isinstance(item, AnalysedTurn):
        style = "" if item.turn.role is Role.CUSTOMER else "dim"
        speaker = Text(say(ROLES[item.turn.role], language), style)
        grid.add_row(clock(item.turn.t_event_ms), speaker, Text(visible(item.turn.text), style))
    else:
        grid.add_row(clock(item.moment.t_event_ms), say(_STATE, language), _stand(item, language))
        if item.transition is not None:
            for reason in item.basis.reasons[:1]:
                grid.add_row("", "", Text(visible(say(reason, language)), "dim"))
    console.print(grid, highlight=False)


def _stand(decision: Decision, language: UiLanguage) -> Text:
    """The state, or how it changed, with what words and voice held."""
    moment, snapshot, transition = decision.moment, decision.snapshot, decision.transition
    line = Text(f"{GLYPHS[snapshot.state]} ", style=STYLES[snapshot.state])
    if transition is not None:
        line.append_text(state_text(transition.from_state, language)).append(" → ")
    line.append_text(state_text(snapshot.state, language))
    for label, value in (
        (_WORDS, moment.text_negativity),
        (_VOICE, moment.voice_negativity),
    ):
        line.append(f"  {say(label, language)} {bar(value)}", style="dim")
    if transition is None:  # a change's reason names its score
        line.append(f"  {say(_SCORE, language)} {snapshot.score.score:.2f}", style="dim")
    return line
