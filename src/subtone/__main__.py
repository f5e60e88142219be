"""``python -m subtone`` is the ``subtone`` command."""

from subtone.cli import main

main(prog_name="subtone")
