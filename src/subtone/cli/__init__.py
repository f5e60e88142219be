"""The command line. Heavy parts load inside the command that needs them."""

from __future__ import annotations

import sys
from io import TextIOWrapper

import click

import subtone
from subtone.cli import calibrate, calls, compare, demo, learn, live, memory, models, probe


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(subtone.__version__, prog_name="subtone")
def main() -> None:
    """Hear what the words leave out: calls and chats to an explained session state."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # what a terminal cannot print must not end us


@main.command()
def doctor() -> None:
    """Check this installation and say what to do about anything that is missing."""
    from subtone.runtime.doctor import examine

    is_well = True
    for finding in examine():
        mark = "ok  " if finding.is_well else "FAIL" if finding.is_required else "note"
        is_well = is_well and (finding.is_well or not finding.is_required)
        click.echo(f"{mark}  {finding.name}: {finding.observed}")
        if finding.advice:
            click.echo(f"      {finding.advice}")
    sys.exit(0 if is_well else 1)


@main.command()
@click.argument("contract", required=False)
def schema(contract: str | None) -> None:
    """Print the JSON Schema of every contract, or of one CONTRACT."""
    import msgspec

    from subtone.contracts.registry import json_schema

    document = json_schema()
    if contract is not None:
        if contract not in document["$defs"]:
            raise click.ClickException(f"no contract {contract!r}; `subtone schema` lists them all")
        document = {"$ref": f"#/$defs/{contract}", **document}
    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2))


for command in (
    calibrate.calibrate,
    calls.analyze,
    calls.explain,
    demo.demo,
    live.simulate,
    live.serve,
    memory.remember,
    memory.enrol,
    memory.recall,
    memory.forget,
    models.models,
    learn.data,
    learn.train,
    learn.evaluate,
    compare.compare,
    probe.probe,
):
    main.add_command(command)
