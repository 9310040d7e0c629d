"""``banktax model``: a bank's models."""

from __future__ import annotations

from pathlib import Path

import click

from node.cli.files import input_file, output_file, read_document, replacing
from node.cli.framework import BanktaxGroup
from node.cli.model_import import import_model
from node.cli.output import Columns, json_option, print_list, print_one
from node.cli.progress import progress
from node.cli.state import State, pass_state
from node.client.results import Model
from node.codes import Code, Engine
from node.errors import Refusal

COLUMNS: Columns = (
    ("model", lambda item: f"{item.name}@{item.version}"),
    ("id", lambda item: item.model_id),
    ("class", lambda item: item.model_class),
    ("engine", lambda item: item.engine),
    ("bureau", lambda item: item.bureau),
    ("columns", lambda item: item.columns),
    ("scores", lambda item: f"{item.score_low}..{item.score_high}"),
    ("expires", lambda item: item.expires_at),
    ("state", lambda item: item.state),
)


@click.group(cls=BanktaxGroup)
def model() -> None:
    """Import, build, register and look at models (at a bank)."""


model.add_command(import_model)


@model.command()
@click.argument("scorecard", type=input_file)
@click.option(
    "--engine",
    type=click.Choice([str(engine) for engine in Engine]),
    default=str(Engine.BFV),
    show_default=True,
    help="bfv for batches and by default; paillier for a thin line.",
)
@click.option(
    "--bureau", default="", help="Party id of the bureau whose fields are used; needed where several are trusted."
)
@json_option
@pass_state
def build(state: State, scorecard: Path, engine: str, bureau: str, as_json: bool) -> None:
    """Check a SCORECARD against the catalogue, compile and encrypt it.

    Refused where a score bound or a noise bound would be exceeded. The file follows
    docs/schemas/scorecard-1.schema.json. Nothing leaves the bank.
    """
    built: Model | None = None
    with state.client() as node, progress(state, state.text("encrypting columns", "加密模型列")) as bar:
        for step in node.models.build(read_document(scorecard), engine=engine, bureau=bureau):
            bar.update(step.columns_done, step.columns or None)
            built = step.model or built
    if built is None:
        raise Refusal(Code.MALFORMED, "the node ended the build without a model")
    print_one(built, as_json)


@model.command()
@click.argument("name", metavar="MODEL")
@json_option
@pass_state
def register(state: State, name: str, as_json: bool) -> None:
    """Send a built model's ciphertexts, fields and edges to the bureau; points never.

    MODEL is a name, name@version or a model id.
    """
    with state.client() as node:
        print_one(node.models.register(name), as_json)


@model.command()
@click.argument("name", metavar="MODEL")
@click.option("--auditor", required=True, help="Party id of the auditor; its card must be trusted here.")
@click.option("--out", "-o", type=output_file, required=True, help="File to write.")
@pass_state
def dossier(state: State, name: str, auditor: str, out: Path) -> None:
    """Write the dossier of a built model, encrypted to one auditor: the file that a review starts from.

    SECRET for everybody but that auditor: it holds the points and the seeds that key and ciphertexts follow from. MODEL
    is a name, name@version or a model id.
    """
    doing = state.text("writing the dossier (MB)", "写入送审材料（MB）")
    written = 0
    with state.client() as node, progress(state, doing) as bar, replacing(out) as target:
        for part in node.models.dossier(name, auditor):
            written += target.write(part)
            bar.update(written // 1_000_000)
    state.note(f"{out} is for {auditor} alone", f"{out} 仅供 {auditor} 使用")


@model.command("list")
@json_option
@pass_state
def list_models(state: State, as_json: bool) -> None:
    """List the models of this bank."""
    with state.client() as node:
        print_list(node.models.list(), COLUMNS, as_json)


@model.command()
@click.argument("name", metavar="MODEL")
@json_option
@pass_state
def show(state: State, name: str, as_json: bool) -> None:
    """Show one model: every version of a name, or the one of name@version or a model id."""
    with state.client() as node:
        found = [item for item in node.models.list() if name in _names(item)]
    if not found:
        raise Refusal(Code.NOT_FOUND, f"no model is named {name}")
    for item in found:
        print_one(item, as_json)


def _names(item: Model) -> set[str]:
    return {item.name, f"{item.name}@{item.version}", item.model_id}
