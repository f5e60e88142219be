"""The sample call: through a live server as it would come in, then as a recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from subtone.cli.calls import show_report
from subtone.cli.common import language_option, plain_errors, progress_bar, stdout

if TYPE_CHECKING:
    from rich.console import Console

    from subtone.contracts.vocabulary import Role
    from subtone.surfaces.report.words import UiLanguage

DEMO_CALL = "hidden_frustration.en"
LISTENING = {
    "en": "A server of its own listens on {url}. A sample call comes in as Twilio would stream it, "
    "its words beside it, {speed:g} times as fast as it was spoken:",
    "zh": "演示专用服务器正在监听 {url}。示例通话以 Twilio 媒体流的方式接入，文本同步到达，"
    "以 {speed:g} 倍语速播放：",
}
OVER = {
    "en": "The call is over and the server has stopped. The same call as a recording:",
    "zh": "通话结束，服务器已停止。同一通话作为录音的分析：",
}
WITHOUT_SERVER = {
    "en": "Without subtone[live] no server can run: the sample call is analysed as a recording.",
    "zh": "未安装 subtone[live]，无法运行服务器：示例通话按录音分析。",
}


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("out/demo"),
    show_default=True,
    help="Folder for the result files.",
)
@click.option(
    "--speed",
    type=click.FloatRange(0.1, 100.0),
    default=8.0,
    show_default=True,
    help="How many times faster than it was spoken the call comes in.",
)
@language_option
def demo(out: Path, speed: float, language: UiLanguage) -> None:
    """Play the sample call in which the words say fine and the voice does not."""
    from subtone.contracts.vocabulary import Role
    from subtone.runtime.analysis import analyse_files
    from subtone.runtime.samples import sample_call
    from subtone.surfaces.results import require_replaceable, write_results
    from subtone.surfaces.terminal import render_moment, render_timeline

    roles = [Role.AGENT, Role.CUSTOMER]
    console = stdout()
    with plain_errors():
        require_replaceable(out)
        audio, text = sample_call(DEMO_CALL)
        show_live(console, audio, text, roles, speed, language)
        with progress_bar(audio.name, is_shown=True) as on_progress:
            analysis = analyse_files(audio, text, roles, on_progress=on_progress)
        write_results(analysis, out, language)
    render_timeline(console, analysis, language)
    hidden = next((d for d in analysis.decisions if d.transition and d.transition.masked), None)
    if hidden is not None:
        console.rule()
        render_moment(console, analysis, hidden.moment.t_event_ms, language)
    show_report(console, out, language)


def show_live(
    console: Console,
    audio: Path,
    text: Path,
    roles: list[Role],
    speed: float,
    language: UiLanguage,
) -> None:
    """Play the call into a server and print what that server says, as it says it."""
    try:
        from subtone.runtime.demo import own_server, play_live
        from subtone.runtime.simulate.play import PlayError
    except ImportError:
        console.print(f"{WITHOUT_SERVER[language]}\n", highlight=False)
        return
    from subtone.surfaces.terminal_live import render_live

    try:
        with own_server() as server:
            told = LISTENING[language].format(url=server.url, speed=speed)
            console.print(f"{told}\n", highlight=False)
            play_live(
                server,
                audio,
                text,
                roles,
                speed,
                lambda item: render_live(console, item, language),
            )
    except PlayError as error:
        raise click.ClickException(" ".join(str(error).split())) from error
    console.print(f"\n{OVER[language]}\n", highlight=False)
