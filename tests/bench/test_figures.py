"""Every figure in the READMEs is the one in the committed results."""

from __future__ import annotations

import pytest

from bench.figures import BLOCK, READMES, RESULTS, render
from bench.run_all import BENCHES, said_of


@pytest.mark.parametrize("language", sorted(READMES))
def test_the_readme_states_what_was_measured(language: str) -> None:
    found = BLOCK.search(READMES[language].read_text(encoding="utf-8"))
    assert found is not None
    table = found.group().removeprefix(found[1]).removesuffix(found[2])
    assert table == render(language)
    assert table.count("\n") > 12


@pytest.mark.parametrize("name", BENCHES)
def test_every_result_stands_under_the_command_that_made_it(name: str) -> None:
    first, *lines = (RESULTS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    said = said_of(["$ python -m", *BENCHES[name]])
    assert first == said
    assert lines
