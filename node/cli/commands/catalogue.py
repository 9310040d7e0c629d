"""``banktax catalogue``: what a bureau offers, field by field."""

from __future__ import annotations

import json
from pathlib import Path

import click

from node.cli.files import input_file, output_file, read_document, write_document
from node.cli.framework import BanktaxGroup
from node.cli.keys import CatalogueKey, catalogue_key
from node.cli.offered import read_catalogue
from node.cli.output import Columns, json_option, print_list, print_one
from node.cli.state import State, pass_state

COLUMNS: Columns = (
    ("catalogue", lambda item: f"{item.catalogue_id}@{item.version}"),
    ("bureau", lambda item: item.bureau),
    ("fields", lambda item: item.fields),
    ("digest", lambda item: item.digest),
)


@click.group(cls=BanktaxGroup)
def catalogue() -> None:
    """Check, sign, exchange and look at field catalogues."""


@catalogue.command()
@click.argument("file", type=input_file)
@pass_state
def check(state: State, file: Path) -> None:
    """Check a catalogue file without a node: its form, ranges, steps and grids, not its signature."""
    found = read_catalogue(file)
    click.echo(
        state.text(
            f"{found.catalogue_id}@{found.version}: {len(found.fields)} fields, sound",
            f"{found.catalogue_id}@{found.version}：{len(found.fields)} 个字段，格式正确",
        )
    )


@catalogue.command("import")
@click.argument("file", type=input_file)
@click.option("--out", type=output_file, help="Write the signed catalogue here, for the bank.")
@json_option
@pass_state
def import_catalogue(state: State, file: Path, out: Path | None, as_json: bool) -> None:
    """Take a catalogue into the node.

    A bureau signs its own catalogue with this and hands the signed file (--out, or catalogue show) to the bank, which
    imports it in turn; there the bureau's signature is checked.
    """
    with state.client() as node:
        found = node.catalogues.add(read_document(file))
        if out is not None:
            write_document(out, node.catalogues.get(found.catalogue_id, found.version))
    print_one(found, as_json)


@catalogue.command("list")
@json_option
@pass_state
def list_catalogues(state: State, as_json: bool) -> None:
    """List the catalogues of this node."""
    with state.client() as node:
        print_list(node.catalogues.list(), COLUMNS, as_json)


@catalogue.command()
@click.argument("key", metavar="CATALOGUE[@VERSION]", callback=catalogue_key)
@click.option("--out", type=output_file, help="File to write; standard output where none is given.")
@pass_state
def show(state: State, key: CatalogueKey, out: Path | None) -> None:
    """Print a signed catalogue as JSON; the newest version where none is named."""
    with state.client() as node:
        write_document(out, node.catalogues.get(key.catalogue_id, key.version))


@catalogue.command()
def schema() -> None:
    """Print the JSON Schema of a catalogue's body."""
    from node.policy.catalogue import Catalogue

    click.echo(json.dumps(Catalogue.model_json_schema(), ensure_ascii=False, indent=2))
