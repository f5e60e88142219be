"""What the commands share: options, one-line errors, the terminal and its progress bar."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

    from subtone.contracts.vocabulary import Role
    from subtone.runtime.analysis import Progress

language_option = click.option(
    "--lang",
    "language",
    type=click.Choice(["en", "zh"]),
    default="en",
    show_default=True,
    help="Language of the output. Both languages of speech are always understood.",
)


class OptionError(click.ClickException):
    """An option's value that cannot be read: one line, without the usage."""

    exit_code = 2


def parse_roles(given: str | None) -> list[Role] | None:
    """``"agent,customer"`` to roles; raises OptionError naming the allowed words."""
    from subtone.contracts.vocabulary import Role

    if given is None:
        return None
    try:
        return [Role(word.strip().lower()) for word in given.split(",")]
    except ValueError as error:
        allowed = ", ".join(Role)
        raise OptionError(f"--roles {given!r}: use one of {allowed} per channel") from error


def stdout() -> Console:
    """The terminal, or the pipe, as Rich sees it."""
    from rich.console import Console

    return Console(markup=False)  # a bracket in a file name is not a style


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn what a file or a folder did wrong into one line and exit status 1."""
    from subtone.ingest.errors import IngestError
    from subtone.surfaces.results import ResultsError

    try:
        yield
    except (IngestError, ResultsError) as error:
        raise click.ClickException(" ".join(str(error).split())) from error
    except BrokenPipeError:
        raise  # a reader that left; click ends without a word
    except OSError as error:
        place = error.filename or "a file"
        raise click.ClickException(f"{place}: {error.strerror or error}") from error


@contextmanager
def perception_errors() -> Iterator[None]:
    """The same for what a model, its files or its input did wrong."""
    from subtone.perception.errors import PerceptionError

    with plain_errors():
        try:
            yield
        except PerceptionError as error:
            raise click.ClickException(str(error)) from error


@contextmanager
def progress_bar(name: str, *, is_shown: bool) -> Iterator[Progress]:
    """A bar on standard error, only on a terminal and gone when done."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not (is_shown and console.is_terminal),
    ) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done_ms, total_ms: bar.update(task, completed=done_ms, total=total_ms)
