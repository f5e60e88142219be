"""Live calls: the server, and peers that play a recording into one."""

from __future__ import annotations

from pathlib import Path

import click

from subtone.cli.common import OptionError, parse_roles, plain_errors


@click.command()
@click.argument("protocol", type=click.Choice(["twilio", "audiohook", "rtp", "siprec", "chat"]))
@click.argument("call", type=click.Path(path_type=Path))
@click.argument("target")
@click.option("--roles", metavar="ROLE,ROLE", default="agent,customer", show_default=True)
@click.option(
    "--text",
    type=click.Path(path_type=Path),
    help="Transcript: what chat posts, or the words beside the stream of twilio.",
)
@click.option("--copies", type=click.IntRange(1, 1000), default=1, show_default=True)
@click.option("--speed", type=click.FloatRange(0.1, 100.0), default=1.0, show_default=True)
@click.option("--loss", type=click.FloatRange(0, 0.9), default=0.0, help="Share of packets lost.")
@click.option("--duplicate", type=click.FloatRange(0, 0.9), default=0.0, help="Share sent twice.")
@click.option("--reorder", type=click.FloatRange(0, 0.9), default=0.0, help="Share sent late.")
@click.option("--jitter-ms", type=click.FloatRange(0, 500), default=0.0, help="Random delay.")
@click.option("--reconnect-s", type=click.FloatRange(1), help="Leave and come back (twilio).")
@click.option("--token", envvar="SUBTONE_TOKEN", help="Bearer token for the server.")
def simulate(
    protocol: str,
    call: Path,
    target: str,
    roles: str,
    text: Path | None,
    copies: int,
    speed: float,
    loss: float,
    duplicate: float,
    reorder: float,
    jitter_ms: float,
    reconnect_s: float | None,
    token: str | None,
) -> None:
    """Play CALL into TARGET as a live peer would: a URL, or HOST:PORT for rtp and siprec."""
    import asyncio

    try:
        from subtone.runtime.simulate.packets import Network
        from subtone.runtime.simulate.play import Play, PlayError, Protocol, play_all
    except ImportError as error:
        raise click.ClickException(
            f"{error.name} is missing: install subtone[live] to simulate"
        ) from error

    wanted = Play(
        protocol=Protocol(protocol),
        call=call,
        target=target,
        roles=tuple(parse_roles(roles) or ()),
        text=text,
        copies=copies,
        speed=speed,
        network=Network(loss=loss, duplicate=duplicate, reorder=reorder, jitter_ms=jitter_ms),
        reconnect_s=reconnect_s,
        token=token,
    )
    with plain_errors():
        try:
            for call_id in asyncio.run(play_all(wanted)):
                click.echo(call_id)
        except PlayError as error:
            raise click.ClickException(" ".join(str(error).split())) from error


@click.command(context_settings={"ignore_unknown_options": True})
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    help="TOML file; without it the one SUBTONE_CONFIG names.",
)
@click.option("--host", help="Address to listen on (http.host).")
@click.option("--port", help="Port to listen on, 0 lets the system choose (http.port).")
@click.option("--data", metavar="DIR", help="Folder of the journal (journal.path).")
@click.argument("settings", nargs=-1, type=click.UNPROCESSED, metavar="[--SECTION-NAME VALUE]...")
def serve(
    config_file: Path | None,
    host: str | None,
    port: str | None,
    data: str | None,
    settings: tuple[str, ...],
) -> None:
    """Take calls and chats as they happen; every setting of docs/configuration.md is a flag."""
    try:
        from subtone.runtime.config import ConfigError, load_config
        from subtone.runtime.journal import JournalError
        from subtone.runtime.live.server import serve as run
    except ImportError as error:
        raise click.ClickException(
            f"{error.name} is missing: install subtone[live] to serve"
        ) from error

    named = {"http.host": host, "http.port": port, "journal.path": data}
    flags = {path: value for path, value in named.items() if value is not None}
    with plain_errors():
        try:
            run(load_config(config_file, None, flags | parse_settings(settings)), click.echo)
        except (ConfigError, JournalError) as error:
            raise click.ClickException(" ".join(str(error).split())) from error


def parse_settings(words: tuple[str, ...]) -> dict[str, str]:
    """``--http-port 9000`` or ``--http-port=9000`` to texts by setting; OptionError otherwise."""
    from difflib import get_close_matches

    from subtone.runtime.config import settings

    paths = {setting.flag: setting.path for setting in settings()}
    found, rest = {}, list(words)
    while rest:
        flag, separator, value = rest.pop(0).partition("=")
        if flag not in paths:
            near = get_close_matches(flag, paths, 1)
            advice = f"; did you mean {near[0]}?" if near else ", see docs/configuration.md"
            raise OptionError(f"{flag!r} is no setting{advice}")
        if not separator and not rest:
            raise OptionError(f"{flag} needs a value")
        found[paths[flag]] = value if separator else rest.pop(0)
    return found
