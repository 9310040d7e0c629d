"""``banktax agreement``: what a bank may ask of a bureau, signed by both."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from node.cli.files import input_file, output_file, read_document, write_document
from node.cli.framework import BanktaxGroup
from node.cli.moments import now
from node.cli.offered import score_fields
from node.cli.output import Columns, json_option, print_list, print_one
from node.cli.state import State, pass_state
from node.codes import ModelClass, Purpose, ScreeningMode
from protocols.primitives.vole.parameters import SecurityProfile

if TYPE_CHECKING:
    from node.policy.agreement import Agreement

CHANNELS = ("dedicated_line", "platform", "supervised_line")
CERTIFICATION = (
    "reviewers",
    "sensitive_gain",
    "ordinary_gain",
    "disclosed_share",
    "distinct_scores",
    "max_models_per_enterprise",
    "max_bits_per_enterprise",
    "term_days",
    "frequencies_per_day",
)
SHARES = ("sensitive_gain", "ordinary_gain", "disclosed_share")
SCREENING = ("max_codes_per_job", "max_codes_per_term", "minimum_count", "minimum_cell")
LIMITS = ("max_rows_per_job", "max_jobs_per_day", "max_online_per_day", "alignment_per_day")
COLUMNS: Columns = (
    ("agreement", lambda item: item.agreement_id),
    ("bank", lambda item: item.bank),
    ("bureau", lambda item: item.bureau),
    ("state", lambda item: item.state),
    ("from", lambda item: item.valid_from),
    ("until", lambda item: item.valid_until),
    ("purposes", lambda item: item.purposes),
)


@click.group(cls=BanktaxGroup)
def agreement() -> None:
    """Draft, sign, exchange and look at agreements."""


@agreement.command()
@click.option("--id", "agreement_id", help="Agreement id; made from both parties and the first day where not given.")
@click.option("--bank", required=True, help="Party id of the bank.")
@click.option("--bureau", required=True, help="Party id of the bureau.")
@click.option(
    "--catalogue", type=input_file, required=True, help="The catalogue's file; the agreement names its version."
)
@click.option(
    "--purpose",
    "purposes",
    multiple=True,
    type=click.Choice([str(purpose) for purpose in Purpose]),
    default=[str(Purpose.LOAN_ORIGINATION)],
    show_default=True,
    help="What the bank may ask for; repeatable.",
)
@click.option(
    "--model-class",
    "model_classes",
    multiple=True,
    type=click.Choice([str(kind) for kind in ModelClass]),
    help="What models may decide; repeatable; all where none is given.",
)
@click.option(
    "--field",
    "fields",
    multiple=True,
    help="Field of the catalogue; repeatable; all that models may use where none is given.",
)
@click.option(
    "--network",
    "networks",
    multiple=True,
    required=True,
    metavar="CIDR",
    help="Network that the bank calls from, for instance 10.2.0.0/16; repeatable.",
)
@click.option(
    "--channel", type=click.Choice(CHANNELS), default=CHANNELS[0], show_default=True, help="Kind of line (clause 1.2)."
)
@click.option("--auditor", "auditors", multiple=True, help="Party id of an auditor; repeatable.")
@click.option(
    "--limit",
    "limits",
    multiple=True,
    type=(click.Choice(LIMITS), click.IntRange(min=0)),
    metavar="NAME NUMBER",
    help=f"A limit that is not the default: {', '.join(LIMITS)}; repeatable.",
)
@click.option(
    "--certification",
    "terms",
    multiple=True,
    type=(click.Choice(CERTIFICATION), str),
    metavar="NAME VALUE",
    help=f"A term of certification that is not the default: {', '.join(CERTIFICATION)}; repeatable. "
    "What they mean stands in docs/certification.md.",
)
@click.option(
    "--screening",
    "screening_modes",
    multiple=True,
    type=click.Choice([str(mode) for mode in ScreeningMode]),
    help="What the bank may learn of its lists against the bureau's: matched codes, their labels, a count alone, "
    "or where loan classes differ; repeatable; no screening where none is given.",
)
@click.option(
    "--screening-purpose",
    "screening_purposes",
    multiple=True,
    type=click.Choice([str(purpose) for purpose in Purpose]),
    help=f"What lists may be screened for; repeatable; {Purpose.PORTFOLIO_SCREENING} where none is given.",
)
@click.option(
    "--screening-limit",
    "screening_limits",
    multiple=True,
    type=(click.Choice(SCREENING), click.IntRange(min=0)),
    metavar="NAME NUMBER",
    help=f"A limit of screening that is not the default: {', '.join(SCREENING)}; repeatable.",
)
@click.option(
    "--screening-security",
    type=click.Choice([str(each) for each in SecurityProfile]),
    help="What protocol vole has to withstand at least; semi_honest where not given.",
)
@click.option(
    "--screening-key-stays",
    "key_stays",
    is_flag=True,
    help="A list's key stays for later versions: the bank downloads changes alone, and can look up in them, without a "
    "quota, whatever it ever asked under the key.",
)
@click.option("--from", "valid_from", type=click.DateTime(["%Y-%m-%d"]), help="First day, UTC; today where not given.")
@click.option(
    "--until",
    "valid_until",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Day it ends, UTC; a year after the first where not given.",
)
@click.option("--out", type=output_file, help="File to write; standard output where none is given.")
def draft(
    agreement_id: str | None,
    bank: str,
    bureau: str,
    catalogue: Path,
    purposes: tuple[str, ...],
    model_classes: tuple[str, ...],
    fields: tuple[str, ...],
    networks: tuple[str, ...],
    channel: str,
    auditors: tuple[str, ...],
    limits: tuple[tuple[str, int], ...],
    terms: tuple[tuple[str, str], ...],
    screening_modes: tuple[str, ...],
    screening_purposes: tuple[str, ...],
    screening_limits: tuple[tuple[str, int], ...],
    screening_security: str | None,
    key_stays: bool,
    valid_from: datetime | None,
    valid_until: datetime | None,
    out: Path | None,
) -> None:
    """Write an unsigned agreement, without a node. Each side then signs it and both import it.

    Thresholds that no model can meet are refused here already.
    """
    from node.policy.agreement import AGREEMENT_KIND, Agreement
    from node.policy.documents import draft as draft_document
    from node.policy.thresholds import require_possible

    offered, usable = score_fields(catalogue)
    first = (valid_from or _today()).replace(tzinfo=UTC)
    last = valid_until.replace(tzinfo=UTC) if valid_until else _a_year_after(first)
    found: Agreement = Agreement.from_body(
        {
            "agreement_id": agreement_id or f"{bank}-{bureau}-{first:%Y%m%d}",
            "bank": bank,
            "bureau": bureau,
            "channel_kind": channel,
            "peer_networks": list(networks),
            "purposes": list(purposes),
            "model_classes": list(model_classes or map(str, ModelClass)),
            "catalogue_id": offered.catalogue_id,
            "catalogue_version": offered.version,
            "fields": list(fields or usable),
            "limits": dict(limits),
            "certification": {name: _term(name, value) for name, value in terms},
            **_screening(screening_modes, screening_purposes, screening_limits, screening_security, key_stays),
            "auditors": list(auditors),
            "valid_from": first.isoformat(),
            "valid_until": last.isoformat(),
        }
    )
    require_possible(found.certification)
    _require_offered(found, {field.id for field in offered.fields})
    write_document(out, draft_document(AGREEMENT_KIND, found.to_body()).encode())


def _term(name: str, value: str) -> str | int:
    """Return a term of certification as the agreement writes it: shares as texts, the others as numbers."""
    if name in SHARES:
        return value
    try:
        return int(value)
    except ValueError:
        raise click.BadParameter(f"{name} is a whole number", param_hint="--certification") from None


def _screening(
    modes: tuple[str, ...],
    purposes: tuple[str, ...],
    limits: tuple[tuple[str, int], ...],
    security: str | None,
    key_stays: bool,
) -> dict[str, dict[str, object]]:
    """Return the agreement's section on screening, or nothing: without it every screening is refused."""
    if not modes:
        if purposes or limits or security or key_stays:
            raise click.UsageError("every option that begins with --screening- needs --screening")
        return {}
    named: dict[str, object] = {"purposes": list(purposes)} if purposes else {}
    if security:
        named["vole_security"] = security
    return {"screening": {"modes": list(modes), **named, **dict(limits), "key_across_versions": key_stays}}


def _today() -> datetime:
    return now().replace(hour=0, minute=0, second=0, microsecond=0)


def _a_year_after(first: datetime) -> datetime:
    """Return the same day of the next year; the day after 28 February for 29 February."""
    try:
        return first.replace(year=first.year + 1)
    except ValueError:
        return first.replace(year=first.year + 1, month=3, day=1)


def _require_offered(found: Agreement, offered: set[str]) -> None:
    from node.codes import Code
    from node.errors import Refusal

    if unknown := sorted(set(found.fields) - offered):
        raise Refusal(Code.FIELD_NOT_ALLOWED, f"the catalogue has no field {', '.join(unknown)}")


@agreement.command()
@click.argument("file", type=input_file)
@click.option("--out", type=output_file, help="File to write; standard output where none is given.")
@pass_state
def sign(state: State, file: Path, out: Path | None) -> None:
    """Add this node's signature to a draft, or to what the other side signed."""
    with state.client() as node:
        write_document(out, node.agreements.sign(read_document(file)))


@agreement.command("import")
@click.argument("file", type=input_file)
@json_option
@pass_state
def import_agreement(state: State, file: Path, as_json: bool) -> None:
    """Put an agreement in force that both sides signed; both sides import it."""
    with state.client() as node:
        print_one(node.agreements.add(read_document(file)), as_json)


@agreement.command("list")
@json_option
@pass_state
def list_agreements(state: State, as_json: bool) -> None:
    """List the agreements of this node."""
    with state.client() as node:
        print_list(node.agreements.list(), COLUMNS, as_json)


@agreement.command()
@click.argument("agreement_id", metavar="AGREEMENT")
@click.option("--out", type=output_file, help="File to write; standard output where none is given.")
@pass_state
def show(state: State, agreement_id: str, out: Path | None) -> None:
    """Print a signed agreement as JSON."""
    with state.client() as node:
        write_document(out, node.agreements.get(agreement_id))
