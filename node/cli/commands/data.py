"""``banktax data``: a bureau's tax data."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from node.cli.exits import Exit
from node.cli.files import check_output, input_file, output_file, reading, write_document
from node.cli.framework import BanktaxGroup
from node.cli.keys import CatalogueKey, catalogue_key
from node.cli.output import Columns, json_option, print_list, print_one
from node.cli.progress import progress
from node.cli.rejects import RejectFile
from node.cli.state import State, pass_state
from node.client.results import DataProgress
from node.codes import Code
from node.errors import Refusal

if TYPE_CHECKING:
    from node.client.data import DataImport

FORMATS = {".csv": "csv", ".txt": "csv", ".tsv": "csv", ".parquet": "parquet", ".pq": "parquet"}
ENCODINGS = ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "gbk", "gb2312", "big5")
COLUMNS: Columns = (
    ("feature set", lambda item: item.feature_set),
    ("name", lambda item: item.name),
    ("as of", lambda item: item.as_of),
    ("catalogue", lambda item: f"{item.catalogue_id}@{item.catalogue_version}"),
    ("rows", lambda item: f"{item.rows:,}"),
    ("fields", lambda item: item.fields),
    ("state", lambda item: item.state),
    ("imported", lambda item: item.imported_at),
)


@click.group(cls=BanktaxGroup)
def data() -> None:
    """Import, list, count and drop tax data (at a bureau)."""


@data.command("import")
@click.argument("file", type=input_file, required=False)
@click.option(
    "--catalogue",
    "key",
    callback=catalogue_key,
    required=True,
    metavar="ID[@VERSION]",
    help="Catalogue that every row is checked against; its newest version where none is named.",
)
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    required=True,
    metavar="DATE",
    help="Day that the data describes, as 2026-06-30.",
)
@click.option("--name", required=True, help="Name of the feature set; a newer import of the name supersedes the older.")
@click.option(
    "--format", "kind", type=click.Choice(["csv", "parquet"]), help="The file's format, where its name does not tell."
)
@click.option("--encoding", type=click.Choice(ENCODINGS), help="Of a CSV file, where finding it out goes wrong.")
@click.option("--ignore-extra", is_flag=True, help="Leave out columns that the catalogue does not name.")
@click.option(
    "--allow-missing-fields", is_flag=True, help="Fields of the catalogue without a column are missing in every row."
)
@click.option(
    "--rejects",
    type=output_file,
    help="Where to write rejected rows (row, field, reason; no values); FILE.rejects.csv where not given.",
)
@click.option(
    "--postgresql",
    "url",
    metavar="URL",
    envvar="BANKTAX_IMPORT_POSTGRESQL",
    show_envvar=True,
    help="Database that the node reads instead of a file. A password is better kept in the variable.",
)
@click.option("--table", help="Table to read, schema.table; with --postgresql.")
@click.option("--query", help="SELECT to read; with --postgresql.")
@json_option
@pass_state
def import_data(
    state: State,
    file: Path | None,
    key: CatalogueKey,
    as_of: datetime,
    name: str,
    kind: str | None,
    encoding: str | None,
    ignore_extra: bool,
    allow_missing_fields: bool,
    rejects: Path | None,
    url: str | None,
    table: str | None,
    query: str | None,
    as_json: bool,
) -> None:
    """Import tax data from a CSV or Parquet FILE, or from PostgreSQL.

    Every row is checked. Rows that break a rule go to the reject file with their reasons; all others are imported
    together or not at all. Ends with 0 also where rows were rejected, and with 1 where nothing was accepted.
    """
    from node.client.data import DataImport

    source = _source(file, url if file is None else None, table or query)
    what = DataImport(
        name=name,
        as_of=as_of.date().isoformat(),
        catalogue_id=key.catalogue_id,
        catalogue_version=key.version,
        format=_format(file, kind),
        encoding=encoding or "",
        ignore_extra=ignore_extra,
        allow_missing_fields=allow_missing_fields,
        postgresql_url=source[0],
        postgresql_query=source[1],
    )
    rejected = RejectFile(rejects or _reject_path(file, name))
    _tell(state, _load(state, what, file, rejected), rejected, as_json)


def _load(state: State, what: DataImport, file: Path | None, rejected: RejectFile) -> DataProgress | None:
    """Send the file, if there is one, and return what the node said last; where every row is bad that is no error."""
    from node.client.data import file_parts

    last: DataProgress | None = None
    with ExitStack() as stack:
        parts = file_parts(stack.enter_context(reading(file))) if file else ()
        stack.enter_context(rejected)
        bar = stack.enter_context(progress(state, state.text("importing", "导入中")))
        node = stack.enter_context(state.client())
        try:
            for last in node.data.load(what, parts):
                rejected.add(last.rejects)
                bar.update(last.rows)
        except Refusal as refusal:
            if last is None or last.accepted or not last.rejected or refusal.code is not Code.INVALID_INPUT:
                raise
    return last


def _source(file: Path | None, url: str | None, query: str | None) -> tuple[str, str]:
    """Return database and query, both empty for a file."""
    if file is not None:
        if query:
            raise click.UsageError("a FILE needs no --table and no --query")
        return "", ""
    if not url or not query:
        raise click.UsageError("give a FILE, or --postgresql with --table or --query")
    return url, query


def _format(file: Path | None, kind: str | None) -> str:
    if file is None:
        return "postgresql"
    found = kind or FORMATS.get(file.suffix.lower())
    if found is None:
        raise click.UsageError(f"is {file.name} csv or parquet? say it with --format")
    return found


def _reject_path(file: Path | None, name: str) -> Path:
    if file is None or str(file) == "-":
        return Path(f"{name.replace('/', '_')}.rejects.csv")
    return file.with_name(f"{file.name}.rejects.csv")


def _tell(state: State, last: DataProgress | None, rejected: RejectFile, as_json: bool) -> None:
    """Print what was imported, warn of what was not."""
    if last is None:
        raise Refusal(Code.MALFORMED, "the node ended the import without a word")
    if last.feature_set is not None:
        print_one(last.feature_set, as_json)
    if last.rejected:
        state.warn(
            f"{last.rejected:,} of {last.rows:,} rows were rejected and {last.accepted:,} accepted; "
            f"the reasons are in {rejected.path}",
            f"{last.rows:,} 行中 {last.rejected:,} 行被拒绝，{last.accepted:,} 行被接受；原因见 {rejected.path}",
        )
    if last.repeated_rows:
        state.note(
            f"{last.repeated_rows:,} rows were equal to another one and count once",
            f"{last.repeated_rows:,} 行与其他行完全相同，只计一次",
        )
    if not last.accepted:
        state.warn("nothing was imported", "没有导入任何数据")
        click.get_current_context().exit(Exit.FAILED)


@data.command("list")
@json_option
@pass_state
def list_data(state: State, as_json: bool) -> None:
    """List the feature sets of this bureau."""
    with state.client() as node:
        print_list(node.data.list(), COLUMNS, as_json)


@data.command()
@click.argument("feature_set")
@json_option
@pass_state
def show(state: State, feature_set: str, as_json: bool) -> None:
    """Show one feature set, by its id or its name."""
    with state.client() as node:
        found = [item for item in node.data.list() if feature_set in {item.feature_set, item.name}]
    if not found:
        raise Refusal(Code.NOT_FOUND, f"no feature set is named {feature_set}")
    print_one(found[-1], as_json)


@data.command()
@click.argument("feature_set")
@json_option
@pass_state
def drop(state: State, feature_set: str, as_json: bool) -> None:
    """Drop a feature set, by its id; refused while a job uses it."""
    with state.client() as node:
        print_one(node.data.drop(feature_set), as_json)


@data.command()
@click.option("--for", "auditor", required=True, metavar="AUDITOR", help="Party id of the auditor that they are for.")
@click.option("--feature-set", default="", help="Feature set, by its id; the newest active one where none is given.")
@click.option(
    "-o", "--out", type=output_file, required=True, help="File to write; - for standard output.", metavar="FILE"
)
@pass_state
def frequencies(state: State, auditor: str, feature_set: str, out: Path) -> None:
    """Write signed frequencies of a feature set, with which an auditor measures what a model gives away.

    They say how many enterprises fall between the edges of the catalogue's grid, never fewer than twenty, and how the
    fields go together. Counted once for each feature set; the agreement limits how often an auditor may ask.
    """
    check_output(out)
    document = b""
    with state.client() as node, progress(state, state.text("counting", "统计中")) as bar:
        for step in node.data.frequencies(auditor, feature_set):
            bar.update(step.done, step.total)
            document = step.document
    write_document(out, document)
