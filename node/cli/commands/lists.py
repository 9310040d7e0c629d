"""``banktax list``: a bureau's lists that banks screen against."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from node.cli.commands.data import ENCODINGS, FORMATS
from node.cli.exits import Exit
from node.cli.files import input_file, output_file, reading, write_document
from node.cli.framework import BanktaxGroup
from node.cli.output import Columns, json_option, print_list, print_one
from node.cli.progress import progress
from node.cli.rejects import RejectFile
from node.cli.state import State, pass_state
from node.client.results import ListProgress
from node.codes import Code
from node.errors import Refusal

if TYPE_CHECKING:
    from node.client.lists import ListPublication

COLUMNS: Columns = (
    ("list", lambda item: item.name),
    ("version", lambda item: item.version),
    ("kind", lambda item: item.kind),
    ("codes", lambda item: f"{item.codes:,}"),
    ("labels", lambda item: item.labels),
    ("screenings", lambda item: item.screenings),
    ("state", lambda item: item.state),
    ("published", lambda item: item.published_at),
)


@click.group("list", cls=BanktaxGroup)
def lists() -> None:
    """Publish, list, show and withdraw lists that banks screen against (at a bureau)."""


@lists.command()
@click.argument("name")
@click.option("--version", required=True, help="Version of the list; a published one never changes.")
@click.option("--codes", "file", type=input_file, metavar="FILE", help="CSV or Parquet file with the codes.")
@click.option("--code-column", default="", help="Column of the codes; uscc or its Chinese name where none is named.")
@click.option("--id-column", default="", help="Kind loan-classes: column of the loans; loan_id where none is named.")
@click.option(
    "--class-column", default="", help="Kind loan-classes: column of their classes; loan_class where none is named."
)
@click.option("--label-column", "labels", multiple=True, help="Column that becomes a label of the code; repeatable.")
@click.option(
    "--kind",
    default="screening",
    show_default=True,
    help="What being on it means, for instance abnormal-operation; loan-classes: loans, to compare their classes.",
)
@click.option("--reason", default="", help="For banks: why there is this list, or this version.")
@click.option(
    "--format", "form", type=click.Choice(["csv", "parquet"]), help="The file's format, where its name does not tell."
)
@click.option("--encoding", type=click.Choice(ENCODINGS), help="Of a CSV file, where finding it out goes wrong.")
@click.option(
    "--rejects",
    type=output_file,
    help="Where to write rejected rows (row, field, reason; no values); NAME.rejects.csv where not given.",
)
@click.option(
    "--postgresql",
    "url",
    metavar="URL",
    envvar="BANKTAX_IMPORT_POSTGRESQL",
    show_envvar=True,
    help="Database that the node reads instead of a file. A password is better kept in the variable.",
)
@click.option("--query", help="Table, schema.table, or SELECT to read; with --postgresql.")
@json_option
@pass_state
def publish(
    state: State,
    name: str,
    version: str,
    file: Path | None,
    code_column: str,
    id_column: str,
    class_column: str,
    labels: tuple[str, ...],
    kind: str,
    reason: str,
    form: str | None,
    encoding: str | None,
    rejects: Path | None,
    url: str | None,
    query: str | None,
    as_json: bool,
) -> None:
    """Publish one version of the list NAME, signed, from a file or a query.

    Codes are normalised and count once. Rows without a valid code, and rows of one code with different labels, go to
    the reject file; all others become the list together. Banks learn the name, the kind, the names of the labels and
    the padded number of codes; a code or label only by screening, as their agreement allows.
    """
    from node.client.lists import ListPublication

    if code_column and id_column:
        raise click.UsageError("--code-column is for codes, --id-column for loans: give one of them")
    what = ListPublication(
        name=name,
        version=version,
        kind=kind,
        reason=reason,
        code_column=code_column or id_column,
        class_column=class_column,
        label_columns=labels,
        format=_format(file, form, url, query),
        encoding=encoding or "",
        postgresql_url="" if file else url or "",
        postgresql_query=query or "",
    )
    rejected = RejectFile(rejects or Path(f"{name.replace('/', '_')}.rejects.csv"))
    _tell(state, _publish(state, what, file, rejected), rejected, as_json)


def _format(file: Path | None, form: str | None, url: str | None, query: str | None) -> str:
    if file is None:
        if not url or not query:
            raise click.UsageError("give --codes FILE, or --postgresql with --query")
        return "postgresql"
    if query:
        raise click.UsageError("--codes FILE needs no --query")
    found = form or FORMATS.get(file.suffix.lower())
    if found is None:
        raise click.UsageError(f"is {file.name} csv or parquet? say it with --format")
    return found


def _publish(state: State, what: ListPublication, file: Path | None, rejected: RejectFile) -> ListProgress | None:
    """Send the file, if there is one, and return what the node said last; where every row is bad that is no error."""
    from node.client.data import file_parts

    last: ListProgress | None = None
    with ExitStack() as stack:
        parts = file_parts(stack.enter_context(reading(file))) if file else ()
        stack.enter_context(rejected)
        bar = stack.enter_context(progress(state, state.text("publishing", "发布中")))
        node = stack.enter_context(state.client())
        try:
            for last in node.lists.publish(what, parts):
                rejected.add(last.rejects)
                bar.update(last.rows)
        except Refusal as refusal:
            if last is None or last.accepted or not last.rejected or refusal.code is not Code.INVALID_INPUT:
                raise
    return last


def _tell(state: State, last: ListProgress | None, rejected: RejectFile, as_json: bool) -> None:
    """Print what was published, warn of what was not."""
    if last is None:
        raise Refusal(Code.MALFORMED, "the node ended the publication without a word")
    if last.published is not None:
        print_one(last.published, as_json)
    if last.rejected:
        state.warn(
            f"{last.rejected:,} of {last.rows:,} rows were rejected; the reasons are in {rejected.path}",
            f"{last.rows:,} 行中 {last.rejected:,} 行被拒绝；原因见 {rejected.path}",
        )
    if last.published is None:
        state.warn("nothing was published", "没有发布任何名单")
        click.get_current_context().exit(Exit.FAILED)


@lists.command("list")
@json_option
@pass_state
def list_lists(state: State, as_json: bool) -> None:
    """List every version of every list of this bureau."""
    with state.client() as node:
        print_list(node.lists.list(), COLUMNS, as_json)


@lists.command()
@click.argument("name")
@click.option("--version", default="", help="Version; the newest published one where none is named.")
@click.option("--out", type=output_file, help="File to write; standard output where none is given.")
@pass_state
def show(state: State, name: str, version: str, out: Path | None) -> None:
    """Print the signed document of the list NAME as JSON; it holds no code."""
    with state.client() as node:
        write_document(out, node.lists.get(name, version))


@lists.command()
@click.argument("name")
@click.option("--version", required=True, help="Version to withdraw.")
@click.option("--reason", required=True, help="Why; for the record.")
@json_option
@pass_state
def withdraw(state: State, name: str, version: str, reason: str, as_json: bool) -> None:
    """Withdraw one version of the list NAME: it can no longer be screened against, running screenings are refused."""
    with state.client() as node:
        print_one(node.lists.withdraw(name, version, reason), as_json)
