"""The wheel as a user gets it: small, complete, and working where no checkout is."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from support_shared import ROOT

MAX_INSTALLED_BYTES = 150_000_000
NOT_OURS = {"pip", "setuptools", "_distutils_hack"}
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    "PIP_CONSTRAINT": str(ROOT / "requirements.lock"),
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PYTHONUTF8": "1",
}


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "-w", folder, cwd=ROOT)
    (built,) = folder.glob("subtone-*-py3-none-any.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment that holds the wheel and its core dependencies."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    python = folder / "venv" / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", wheel, cwd=folder)
    return python


def test_the_wheel_holds_types_samples_licence_and_the_report(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "subtone/py.typed" in names
    calls = sorted(p.name for p in (ROOT / "examples" / "calls").iterdir())
    assert sorted(Path(n).name for n in names if n.startswith("subtone/examples/")) == calls
    sources = {
        str(p.relative_to(ROOT / "src"))
        for p in (ROOT / "src" / "subtone").rglob("*")
        if p.is_file() and p.suffix != ".pyc"
    }
    assert sources <= names  # pages and styles are files too
    assert any(n.endswith("licenses/LICENSE") for n in names)
    assert not [n for n in names if n.split("/")[0] in ("tests", "bench", "scripts", "examples")]


def test_the_installation_stays_small(installed: Path) -> None:
    (packages,) = installed.parents[1].glob("lib/python*/site-packages")
    size = sum(
        file.stat().st_size
        for part in packages.iterdir()
        if part.name.split("-")[0] not in NOT_OURS
        for file in [part, *part.rglob("*")]
        if file.is_file()
    )
    assert 1_000_000 < size <= MAX_INSTALLED_BYTES


def test_demo_and_doctor_work_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    command = installed.with_name("subtone")
    shown = run(command, "demo", cwd=tmp_path)
    assert "hidden frustration" in shown
    assert (tmp_path / "out" / "demo" / "report.html").is_file()
    checked = run(command, "doctor", cwd=tmp_path)
    assert "FAIL" not in checked
    assert str(ROOT) not in run(
        installed, "-c", "import subtone; print(subtone.__file__)", cwd=tmp_path
    )


def test_importing_loads_nothing_heavy(installed: Path, tmp_path: Path) -> None:
    code = "import sys, subtone; print(sorted({'numpy', 'msgspec', 'click'} & set(sys.modules)))"
    assert run(installed, "-c", code, cwd=tmp_path) == "[]\n"
