"""For developers: writes a revision from the difference between the migrations and ``schema.py``.

``python -m node.storage.migrations.write "what changes"`` writes the next revision.
``python -m node.storage.migrations.write --initial`` writes the initial revision anew: right only while no release
has gone out with it. Read what it wrote before committing; a test compares the result with ``schema.py``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command

from node.storage.database import open_database
from node.storage.migrate import configuration

VERSIONS = Path(__file__).parent / "versions"
INITIAL = "0001"


def write(message: str, *, initial: bool = False) -> None:
    """Write one revision file into ``versions/`` and format it."""
    if initial:
        for old in VERSIONS.glob(f"{INITIAL}_*.py"):
            old.unlink()
    number = INITIAL if initial else f"{len(list(VERSIONS.glob('[0-9]*.py'))) + 1:04d}"
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{folder}/empty.db")
        if not initial:
            database.upgrade()
        with database.write() as connection:
            config = configuration(connection)
            command.revision(config, message, autogenerate=True, rev_id=number)
        database.dispose()
    files = [str(path) for path in VERSIONS.glob(f"{number}_*.py")]
    for file in files:
        _strip_marks(Path(file))
    for step in (["check", "--fix"], ["format"]):
        subprocess.run([sys.executable, "-m", "ruff", *step, *files], check=True)  # noqa: S603 - our own files


def _strip_marks(path: Path) -> None:
    """Take out the comments that Alembic puts around what it generates."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.lstrip().startswith("# ###")), encoding="utf-8")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments == ["--initial"]:
        write("First release", initial=True)
    elif len(arguments) == 1:
        write(arguments[0])
    else:
        sys.exit(__doc__)
