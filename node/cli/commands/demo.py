"""``banktax demo``."""

from __future__ import annotations

from pathlib import Path

import click

from node.cli.files import output_file
from node.cli.framework import BanktaxCommand


@click.command(cls=BanktaxCommand)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of bank.csv and bureau.csv; a public credit data set where not given.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-output"),
    show_default=True,
    help="Folder of the table and the plots.",
)
@click.option("--json", "json_file", type=output_file, help="Write the figures here, as JSON.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=100_000,
    show_default=True,
    help="At most so many enterprises apply; 0 takes all.",
)
def demo(data: Path | None, out: Path, json_file: Path | None, limit: int) -> None:
    """Run a whole bank and a whole bureau here, on real data, and compare every score with the plaintext.

    Two node processes over mutual TLS in a temporary directory, consents really signed; needs the extra «demo».
    """
    from node.demo.run import run

    run(data=data, out=out, json_file=json_file, limit=limit or None)
