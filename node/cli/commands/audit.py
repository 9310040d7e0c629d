"""``banktax audit``: an auditor checks what parties did."""

from __future__ import annotations

from pathlib import Path

import click

from node.cli.files import input_file
from node.cli.framework import BanktaxGroup
from node.cli.local_parties import office_of
from node.cli.output import json_option, print_one
from node.cli.portfolio import portfolio_codes, portfolio_loans
from node.cli.progress import progress
from node.cli.state import State, pass_state
from node.codes import Code, ScreeningMode, Side
from node.errors import Refusal


@click.group(cls=BanktaxGroup)
def audit() -> None:
    """Check what was done (in an auditor's directory; no node runs)."""


@audit.command("opened-set")
@click.argument("file", type=input_file)
@click.option(
    "--evidence",
    type=input_file,
    help="CSV or Parquet of the enterprises that the bank can show a reason for, loan contracts for instance; of a "
    "comparison of classes the loans with the class that the bank's own books give them.",
)
@click.option("--code-column", default="", help="The evidence's column of codes; else uscc, or else the first.")
@click.option("--id-column", default="", help="The evidence's column of loans; else loan_id.")
@click.option("--class-column", default="", help="The evidence's column of classes; else loan_class.")
@json_option
@pass_state
def opened_set(
    state: State,
    file: Path,
    evidence: Path | None,
    code_column: str,
    id_column: str,
    class_column: str,
    as_json: bool,
) -> None:
    """Make a screening's transcript again from its opened set and seed, byte for byte; check every code.

    FILE is what the bank wrote with banktax screening open-set. Refused where set, seed or messages are not those of
    the record that bank and bureau signed, where a code stands in no evidence, and where a loan has several classes.
    """
    from node.certification.opened_set import audit_opened_set, opened_mode
    from node.jobs.screening_intake import check_list
    from node.jobs.screening_loans import loan_evidence

    shown = None
    if evidence is not None and opened_mode(file) is ScreeningMode.CLASSES:
        shown = loan_evidence(portfolio_loans(evidence, id_column, class_column))
    elif evidence is not None:
        shown = frozenset(check_list(portfolio_codes(evidence, code_column)).codes.tolist())
    with office_of(state) as office, progress(state, state.text("rebuilding", "重建记录"), lines=True):
        found = audit_opened_set(file, office.key_of, shown)
    print_one(found, as_json)
    if found.without_evidence:
        what = "loans with this class" if found.mode == ScreeningMode.CLASSES else "codes"
        raise Refusal(
            Code.RESULT_REJECTED,
            f"{len(found.without_evidence)} of {found.codes} {what} stand in no evidence",
            side=Side.BANK,
            remedy="Ask the bank why it asked about them.",
        )
