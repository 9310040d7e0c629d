"""``banktax admission``: what auditors signed of models."""

from __future__ import annotations

from pathlib import Path

import click

from node.cli.files import input_file, output_file, read_document, write_document
from node.cli.framework import BanktaxGroup
from node.cli.output import Columns, json_option, print_list, print_one
from node.cli.state import State, pass_state

COLUMNS: Columns = (
    ("admission", lambda item: item.admission_id),
    ("model", lambda item: item.model),
    ("bank", lambda item: item.bank),
    ("bureaus", lambda item: item.bureaus),
    ("auditors", lambda item: item.auditors),
    ("state", lambda item: item.state),
    ("review by", lambda item: item.review_by),
    ("expires", lambda item: item.expires_at),
    ("bits", lambda item: item.score_bits),
)


@click.group(cls=BanktaxGroup)
def admission() -> None:
    """Import and look at admissions of models, and their revocations."""


@admission.command("import")
@click.argument("file", type=input_file)
@json_option
@pass_state
def import_admission(state: State, file: Path, as_json: bool) -> None:
    """Keep an admission, or the revocation of one, that an auditor signed; the auditor's card is trusted before.

    At a bank, the next «model register» takes the admission along. At a bureau it counts at once: a revocation stops
    running jobs at their next chunk.
    """
    with state.client() as node:
        print_one(node.admissions.add(read_document(file)), as_json)


@admission.command("list")
@json_option
@pass_state
def list_admissions(state: State, as_json: bool) -> None:
    """List the admissions of this node and whether they are valid."""
    with state.client() as node:
        print_list(node.admissions.list(), COLUMNS, as_json)


@admission.command()
@click.argument("admission_id", metavar="ADMISSION")
@click.option("--out", type=output_file, help="File to write; standard output where none is given.")
@pass_state
def show(state: State, admission_id: str, out: Path | None) -> None:
    """Print a signed admission as JSON."""
    with state.client() as node:
        write_document(out, node.admissions.get(admission_id))
