"""Every command and every Python block of the README works as printed, in order.

The Chinese README holds the same commands and the same code, so running one runs both.
``make test`` is planned and not run: it would run this test again.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support_shared import ROOT

READMES = ("README.md", "README.zh.md")
BLOCK = re.compile(r"^ *```(\w+)[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
# What the venv of the tests already holds is not installed into it again.
AS_RUN = {"make demo": "make -o .venv/live.stamp demo", "make test": "make -n test"}


def blocks(text: str, language: str) -> list[str]:
    return [body for found, body in BLOCK.findall(text) if found == language]


def commands(text: str) -> list[str]:
    """Every ``$ `` line of the console blocks; a trailing backslash goes on to the next."""
    joined = "\n".join(blocks(text, "console")).replace("\\\n", "")
    return [line.strip()[2:] for line in joined.splitlines() if line.strip().startswith("$ ")]


def readme(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git would hand out, beside the installed package of the tests."""
    folder = tmp_path_factory.mktemp("readme") / "subtone"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():  # a file may be deleted and not yet committed
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


def run(command: list[str], folder: Path) -> None:
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PIP_CONSTRAINT": str(folder / "requirements.lock"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONUTF8": "1",
    }
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout[-2000:]}"


def test_both_readmes_hold_the_same_commands_and_code() -> None:
    english, chinese = map(readme, READMES)
    assert commands(english) == commands(chinese)
    trees = [[ast.dump(ast.parse(b)) for b in blocks(t, "python")] for t in (english, chinese)]
    assert trees[0] == trees[1]
    assert {"make demo", "make test"} <= set(commands(english))
    assert len(trees[0]) >= 1


def test_every_command_works(checkout: Path) -> None:
    for command in commands(readme("README.md")):
        run(["bash", "-c", AS_RUN.get(command, command)], checkout)


def test_every_python_block_works(checkout: Path) -> None:
    """Blocks may build on earlier ones, as a reader types them into one session."""
    code = "\n".join(blocks(readme("README.md"), "python"))
    run([sys.executable, "-W", "error", "-c", code], checkout)


def test_the_extractor_sees_what_a_reader_would_type() -> None:
    text = "```console\n$ one \\\n  --two\noutput\n\n  $ three\n```\n```python\na = 1\n```\n"
    assert commands(text) == ["one   --two", "three"]
    assert blocks(text, "python") == ["a = 1\n"]
