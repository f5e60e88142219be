"""Every gate of the house passes as it is, and is seen to fail when its rule is broken."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support_shared import ROOT

BIN = Path(sys.executable).parent
KERNEL = ROOT / "src" / "subtone" / "kernel"
MAX_LINES = 500

# Pure modules of the standard library: no clock, no files, no randomness, no network.
PURE = {
    "__future__", "collections", "dataclasses", "enum", "functools", "itertools", "math", "re",
    "types", "typing", "unicodedata",
}  # fmt: skip
ALLOWED = {"contracts": PURE | {"msgspec"}, "kernel": PURE | {"msgspec", "numpy"}}

IMPORTED = """
import sys, grimp
floor = sys.argv[1]
graph = grimp.build_graph("subtone", include_external_packages=True, cache_dir=None)
for module in {floor} | graph.find_descendants(floor):
    for imported in graph.find_modules_directly_imported_by(module):
        if not imported.startswith("subtone"):
            print(imported)
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the package that a test may break."""
    shutil.copytree(
        ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "examples")
    )
    shutil.copy2(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def add(folder: Path, module: str, code: str) -> None:
    path = folder / "src" / "subtone" / module
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_text("utf-8") if path.exists() else ""
    path.write_text(f"{before}\n{code}\n", "utf-8")


def checked(folder: Path, *command: str) -> tuple[int, str]:
    """Exit status and output of a tool that must see the copy and not the installed package."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


# --- imports -------------------------------------------------------------------------------


def linted(folder: Path) -> tuple[int, str]:
    return checked(folder, str(BIN / "lint-imports"), "--no-cache")


def test_the_house_keeps_its_import_rules(house: Path) -> None:
    status, said = linted(house)
    assert status == 0, said
    assert "4 kept, 0 broken" in said


@pytest.mark.parametrize(
    ("module", "code", "contract", "named"),
    [
        (
            "kernel/statistics.py",
            "import subtone.surfaces.results",
            "Five floors",
            "subtone.kernel is not allowed to import subtone.surfaces",
        ),
        (
            "surfaces/results.py",
            "import subtone.ingest.errors",
            "Five floors",
            "subtone.surfaces is not allowed to import subtone.ingest",
        ),
        ("gossip/__init__.py", "", "Five floors", "gossip"),
        (
            "kernel/session_state/policy.py",
            "import subtone.kernel.voice_intelligence.tracks",
            "Kernel stages",
            "subtone.kernel.session_state is not allowed to import "
            "subtone.kernel.voice_intelligence",
        ),
        ("kernel/rumour.py", "", "Kernel stages", "rumour"),
        (
            "ingest/files/formats/jsonl.py",
            "import socket",
            "Codecs",
            "subtone.ingest.files.formats is not allowed to import socket",
        ),
        (
            "kernel/statistics.py",
            "import time",
            "no I/O",
            "subtone.kernel is not allowed to import time",
        ),
        (
            "contracts/vocabulary.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import subtone.kernel",
            "Five floors",
            "subtone.contracts is not allowed to import subtone.kernel",
        ),
    ],
)
def test_a_broken_import_rule_is_reported(
    house: Path, module: str, code: str, contract: str, named: str
) -> None:
    add(house, module, code)
    status, said = linted(house)
    assert status == 1
    broken = [line for line in said.splitlines() if line.endswith(" BROKEN")]
    assert any(contract in line for line in broken)
    assert named in " ".join(said.split())


def foreign_modules(folder: Path, floor: str) -> set[str]:
    """What one floor imports beside the allow-list."""
    status, said = checked(folder, sys.executable, "-c", IMPORTED, f"subtone.{floor}")
    assert status == 0, said
    return set(said.split()) - ALLOWED[floor]


@pytest.mark.parametrize("floor", list(ALLOWED))
def test_pure_floors_import_only_what_is_listed(house: Path, floor: str) -> None:
    assert foreign_modules(house, floor) == set()
    extra = {"contracts": "numpy", "kernel": "json"}[floor]  # neither is on a list of bans
    add(house, f"{floor}/__init__.py", f"import {extra}")
    assert linted(house)[0] == 0
    assert foreign_modules(house, floor) == {extra}


# --- ruff ----------------------------------------------------------------------------------


def ruff_rules(code: str, place: str) -> set[str]:
    """The rules that ``code`` breaks as a file at ``place``; nothing is written."""
    done = subprocess.run(
        [BIN / "ruff", "check", "--no-cache", "--output-format=concise",
         "--stdin-filename", ROOT / place, "-"],
        input=f'"""Injected."""\n\n{code}\n',
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    return set(re.findall(r": ([A-Z]+\d+) ", done.stdout))


@pytest.mark.parametrize(
    ("code", "rule", "is_waived_outside"),
    [
        ('NOTE = open("notes.txt")', "PTH123", False),
        ("import time\n\nNOW = time.time()", "TID251", True),
        ("import datetime\n\nNOW = datetime.datetime.now()", "DTZ005", False),
        ("import datetime\n\nNOW = datetime.datetime.now(datetime.UTC)", "TID251", True),
        ("import random\n\nDIE = random.randint(1, 6)", "TID251", True),
        ("import numpy as np\n\nRNG = np.random.default_rng(1)", "TID251", True),
        ("import numpy as np\n\nDIE = np.random.rand()", "NPY002", False),
        ("from os import getcwd\n\nHERE = getcwd()", "TID251", True),
        ("from pathlib import Path\n\nHERE = Path()", "TID251", True),
        ("import logging\n\nLOG = logging.getLogger()", "TID251", True),
        ("import socket\n\nLINE = socket.socket()", "TID251", True),
        ('print("heard")', "T201", False),
    ],
)
def test_impure_code_is_reported_in_the_pure_floors(
    code: str, rule: str, is_waived_outside: bool
) -> None:
    for floor in ("kernel", "contracts"):
        assert rule in ruff_rules(code, f"src/subtone/{floor}/injected.py")
    outside = ruff_rules(code, "src/subtone/surfaces/injected.py")
    assert (rule not in outside) is is_waived_outside


def test_what_is_allowed_is_not_reported() -> None:
    assert (
        ruff_rules("import math\n\nHALF = math.cos(1)", "src/subtone/kernel/injected.py") == set()
    )


def test_types_are_strict(tmp_path: Path) -> None:
    """An untyped function is refused; the strict mode is not undone for any part of ours."""
    (tmp_path / "loose.py").write_text("def double(x):\n    return 2 * x\n")
    command = (sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"))
    status, said = checked(tmp_path, *command, "--cache-dir", str(tmp_path), "loose.py")
    assert status == 1
    assert "no-untyped-def" in said
    assert "ignore_errors" not in (ROOT / "pyproject.toml").read_text()


# --- files ---------------------------------------------------------------------------------


def too_long(folder: Path) -> list[str]:
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*.py"))
        if len(path.read_text("utf-8").splitlines()) > MAX_LINES
    ]


def test_no_file_holds_more_than_one_idea_fits(house: Path) -> None:
    assert too_long(ROOT / "src") == []
    add(house, "kernel/statistics.py", "#\n" * MAX_LINES)
    assert too_long(house / "src") == ["subtone/kernel/statistics.py"]


# The words are joined here so that this file does not hold what it looks for.
MACHINE = re.compile(
    r"(?<![\w.:/-])/(?:" + "|".join(("work", "root", "home", "Users", "mnt")) + r")/\w"
    r"|--(?:extra-)?index-" + "url|--trusted-" + "host|--find-" + "links"
)


@cache
def package_hosts() -> frozenset[str]:
    """The hosts this machine installs from, other than the public ones."""
    configured = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    places = re.findall(r"https?://[^\s'\"\\]+", configured)
    places += [value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_"))]
    hosts = {urlsplit(place).hostname for place in places}
    return frozenset(h for h in hosts if h and not h.endswith(("pypi.org", "pythonhosted.org")))


def names_a_machine(text: str) -> bool:
    return MACHINE.search(text) is not None or any(host in text for host in package_hosts())


def test_no_tracked_file_names_a_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    tracked = [ROOT / name for name in listed.split("\0") if name]
    assert tracked
    found = [
        str(path.relative_to(ROOT))
        for path in tracked
        if path.is_file() and names_a_machine(path.read_text("utf-8", "ignore"))
    ]
    assert found == []


@pytest.mark.parametrize("text", ["see /{}/main/src", "cd '/{}/me/x'", "PATH=/{}/venv/bin"])
def test_a_machine_path_is_recognised(text: str) -> None:
    for place in ("work", "root", "home"):
        assert names_a_machine(text.format(place))
    assert not names_a_machine("docs/work/plan.md, ./home/x, https://example.org/home/page")
    assert names_a_machine("pip install --index-" + "url x")


# --- tests mirror the kernel ---------------------------------------------------------------

# Modules whose test file has another name, and why.
TESTED_ELSEWHERE = {
    "session_state/machine.py": ("test_session_machine.py", "one name, another word"),
    "voice_intelligence/acoustics/arrays.py": ("test_acoustics_track.py", "type names"),
    "voice_intelligence/acoustics/block.py": ("test_acoustics_track.py", "a step of a track"),
    "voice_intelligence/acoustics/filters.py": ("test_acoustics_track.py", "a step of a track"),
    "voice_intelligence/acoustics/frames.py": ("test_acoustics_track.py", "a step of a track"),
    "voice_intelligence/acoustics/state.py": ("test_acoustics_track.py", "a track's memory"),
    "voice_intelligence/acoustics/viterbi.py": ("test_acoustics_pitch.py", "the search of pitch"),
    "voice_intelligence/acoustics/nuclei.py": ("test_acoustics_window.py", "a window's rate"),
    "voice_intelligence/acoustics/spectrum.py": ("test_acoustics_track.py", "a step of a track"),
    "voice_intelligence/amd_hints.py": ("test_amd.py", "the words of the same decision"),
    "voice_intelligence/lexicons/chinese.py": ("test_text_contrast.py", "data"),
    "voice_intelligence/lexicons/english.py": ("test_text_contrast.py", "data"),
    "voice_intelligence/lexicons/entries.py": ("test_text_lexicon.py", "the shape of the data"),
    "voice_intelligence/lexicons/fitted_chinese.py": ("test_text_fitted.py", "data"),
    "voice_intelligence/lexicons/fitted_english.py": ("test_text_fitted.py", "data"),
    "voice_intelligence/lexicons/script.py": ("test_text_lexicon.py", "the script of the data"),
    "voice_intelligence/text_emphasis.py": ("test_text_emotion.py", "a step of text emotion"),
    "voice_intelligence/text_features.py": ("test_text_emotion.py", "a step of text emotion"),
    "voice_intelligence/text_matcher.py": ("test_text_emotion.py", "a step of text emotion"),
    "voice_intelligence/text_rules.py": ("test_text_emotion.py", "a step of text emotion"),
    "voice_intelligence/text_tokens.py": ("test_text_emotion.py", "a step of text emotion"),
    "call_state.py": ("test_pipeline.py", "what the pipeline keeps between events"),
    "intake.py": ("test_pipeline.py", "one step of the pipeline"),
    "verdict.py": ("test_pipeline.py", "one step of the pipeline"),
}


def test_every_kernel_module_has_its_test() -> None:
    tests = {path.name for path in (ROOT / "tests" / "kernel").rglob("test_*.py")}
    modules = {p.relative_to(KERNEL) for p in KERNEL.rglob("*.py") if p.name != "__init__.py"}
    assert {name for name, _ in TESTED_ELSEWHERE.values()} <= tests
    untested = {
        str(module)
        for module in modules
        if not tests & {f"test_{module.stem}.py", f"test_{module.parent.name}_{module.stem}.py"}
    }
    assert untested == set(TESTED_ELSEWHERE)
