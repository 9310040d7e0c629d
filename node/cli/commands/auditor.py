"""``banktax auditor``: review models, sign what passes, take it back, destroy what must not stay."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from node.cli.files import check_output, input_file, output_file, read_document, write_document
from node.cli.framework import BanktaxGroup
from node.cli.local_parties import office_of
from node.cli.output import Columns, json_option, print_list, print_one
from node.cli.progress import progress
from node.cli.state import State, pass_state
from node.codes import Code, Side
from node.errors import Refusal

if TYPE_CHECKING:
    from node.certification.result import Check, ReviewResult

MAXIMUM_FREQUENCIES_BYTES = 64 << 20
DAY = click.DateTime(["%Y-%m-%d"])
_COLOURS = {"passed": "green", "warning": "yellow", "failed": "red"}
_OUTCOMES = {"passed": "通过", "warning": "注意", "failed": "未通过"}
LOG_COLUMNS: Columns = (
    ("at", lambda entry: entry.at),
    ("what", lambda entry: entry.deed),
    ("bank", lambda entry: entry.bank),
    ("model", lambda entry: entry.model),
    ("dossier", lambda entry: entry.dossier),
    ("detail", lambda entry: entry.detail),
)


@click.group(cls=BanktaxGroup)
def auditor() -> None:
    """Review models and sign their admissions (in an auditor's directory; no node runs)."""


@auditor.command()
@click.argument("dossier", type=input_file)
@click.option(
    "--frequencies",
    "-f",
    type=input_file,
    multiple=True,
    required=True,
    help="Frequencies that the model's bureau signed (banktax data frequencies); repeatable, one for a feature set.",
)
@click.option(
    "--known",
    multiple=True,
    metavar="FIELD",
    help="Field of the catalogue that the bank holds itself; repeatable. Those of its own model file are known anyway.",
)
@click.option(
    "--with",
    "together",
    type=input_file,
    multiple=True,
    metavar="DOSSIER",
    help="Dossier of a model that is used with this one on one enterprise; repeatable, all of them together.",
)
@click.option("--html", type=output_file, help="Write the report with plots here: one file that needs nothing else.")
@json_option
@pass_state
def review(
    state: State,
    dossier: Path,
    frequencies: tuple[Path, ...],
    known: tuple[str, ...],
    together: tuple[Path, ...],
    html: Path | None,
    as_json: bool,
) -> None:
    """Make a DOSSIER's key and ciphertexts again, measure noise and leakage, and say what failed and by how much.

    Every check is printed as it is made, a wrong engine library before anything else; --json prints the whole report.
    What was found is kept in the directory, without points and seeds, for banktax auditor admit.
    """
    from node.certification.report_html import report_html
    from node.certification.report_json import report_json
    from node.certification.review import ReviewOrder
    from node.certification.review import review as run

    if html is not None:
        check_output(html)
    counted = tuple(read_document(path, MAXIMUM_FREQUENCIES_BYTES) for path in frequencies)
    order = ReviewOrder(dossier, counted, known, together)
    with office_of(state) as office, progress(state, state.text("reviewing", "审核"), lines=True) as bar:
        result = run(
            office, order, lambda check: _tell(state, check), lambda doing, done, all_: bar.update(done, all_, doing)
        )
    if html is not None:
        write_document(html, report_html(result))
    if as_json:
        write_document(None, report_json(result))
    _conclude(state, result)


def _tell(state: State, check: Check) -> None:
    if state.quiet and check.outcome != "failed":
        return
    mark = click.style(state.text(check.outcome, _OUTCOMES[check.outcome]), fg=_COLOURS[check.outcome])
    click.echo(f"{mark}: {check.text}", err=True)


def _conclude(state: State, result: ReviewResult) -> None:
    """Say what to do next; a review that failed ends as a refusal."""
    if not result.passed:
        raise Refusal(
            Code.MODEL_NOT_ADMITTED,
            f"{result.facts.label}: {len(result.failures)} checks failed, the first: {result.failures[0].text}",
            side=Side.BANK,
            remedy="Give the report to the bank; it changes the model and writes a new dossier.",
        )
    state.note(
        f"{result.facts.label} passed: banktax auditor admit {result.dossier[:12]} --reviewer NAME -o FILE",
        f"{result.facts.label} 审核通过：banktax auditor admit {result.dossier[:12]} --reviewer 姓名 -o 文件",
    )


@auditor.command()
@click.argument("reference", metavar="REVIEW")
@click.option("--reviewer", "reviewers", multiple=True, required=True, help="Name of who reviewed; repeatable.")
@click.option("--review-by", type=DAY, help="Day (UTC) by which it is reviewed again; 180 days where not given.")
@click.option(
    "--expires",
    type=DAY,
    help="Day (UTC) it ends; where not given, when model, agreement or the agreement's term of certification ends.",
)
@click.option("--out", "-o", type=output_file, help="File to write; standard output where none is given.")
@pass_state
def admit(
    state: State,
    reference: str,
    reviewers: tuple[str, ...],
    review_by: datetime | None,
    expires: datetime | None,
    out: Path | None,
) -> None:
    """Sign the admission of a model whose review passed.

    REVIEW is the digest of the dossier or the model id (their first digits will do), or name@version. The bank imports
    the file (banktax admission import) and registers the model with it. Where the agreement asks for two auditors, the
    second one countersigns it before.
    """
    from node.certification.admitting import AdmissionTerms
    from node.certification.admitting import admit as sign

    with office_of(state) as office:
        result = office.review(reference)
        terms = AdmissionTerms(reviewers, _utc(review_by), _utc(expires))
        write_document(out, sign(office, result, terms).encode())
    if any(agreement.reviewers > 1 for agreement in result.agreements):
        state.note("the agreement asks for two auditors: have it countersigned", "协议要求两家审核方：请另一家会签")
    state.note(
        "now destroy the dossier: banktax auditor forget DOSSIER", "请销毁送审材料：banktax auditor forget 送审文件"
    )


def _utc(day: datetime | None) -> datetime | None:
    return None if day is None else day.replace(tzinfo=UTC)


@auditor.command()
@click.argument("admission", type=input_file)
@click.option("--out", "-o", type=output_file, help="File to write; standard output where none is given.")
@pass_state
def countersign(state: State, admission: Path, out: Path | None) -> None:
    """Add this auditor's signature to another's ADMISSION, once it says what the review HERE found."""
    from node.certification.admitting import countersign as sign
    from node.policy.admission import read

    content = read_document(admission)
    with office_of(state) as office:
        result = office.review(read(content)[0].model_id)
        write_document(out, sign(office, content, result).encode())


@auditor.command()
@click.argument("admission", type=input_file)
@click.option("--reason", required=True, help="Why, for the bureau's and the bank's files.")
@click.option("--out", "-o", type=output_file, help="File to write; standard output where none is given.")
@pass_state
def revoke(state: State, admission: Path, reason: str, out: Path | None) -> None:
    """Sign the revocation of an ADMISSION that this auditor signed.

    The bureau's operator imports the file (banktax admission import); jobs with the model stop at their next chunk.
    """
    from node.certification.admitting import revoke as sign

    content = read_document(admission)
    with office_of(state) as office:
        write_document(out, sign(office, content, reason).encode())


@auditor.command()
@click.argument("dossier", type=input_file)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_state
def forget(state: State, dossier: Path, yes: bool, as_json: bool) -> None:
    """Destroy a DOSSIER's file, and with it the model and the seeds of its key; the log keeps that it was done.

    Copies elsewhere and backups are not reached. What the review found stays: figures and digests, no points, no seeds.
    """
    from node.certification.forget import forget as destroy

    if not yes:
        click.confirm(state.text(f"Destroy {dossier}?", f"销毁 {dossier}？"), abort=True, err=True)
    with office_of(state) as office:
        print_one(destroy(office, dossier), as_json)


@auditor.command()
@json_option
@pass_state
def log(state: State, as_json: bool) -> None:
    """Show what was reviewed, signed, revoked and destroyed here, and check that no line was changed."""
    with office_of(state) as office:
        entries = office.log.read()
    print_list(entries, LOG_COLUMNS, as_json)
    gone = {entry.dossier for entry in entries if entry.deed == "forgotten"}
    if kept := {entry.dossier for entry in entries} - gone - {""}:
        state.note(
            f"{len(kept)} dossiers were not destroyed yet: banktax auditor forget DOSSIER",
            f"尚有 {len(kept)} 份送审材料未销毁：banktax auditor forget 送审文件",
        )
