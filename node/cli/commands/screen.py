"""``banktax screen``: which codes of a portfolio stand on a bureau's list."""

from __future__ import annotations

from pathlib import Path

import click

from node.cli.files import check_output, input_file, output_file
from node.cli.framework import BanktaxCommand
from node.cli.output import json_option, print_one
from node.cli.portfolio import portfolio_codes
from node.cli.progress import progress
from node.cli.screening_following import end_with, fetch, follow_screening, hand_over, named_list
from node.cli.state import State, pass_state
from node.codes import JobState, Purpose, ScreeningMode, ScreeningProtocol
from protocols.primitives.vole.parameters import SecurityProfile

MODES = [str(mode) for mode in ScreeningMode if mode is not ScreeningMode.CLASSES]  # banktax compare-classes


@click.command(cls=BanktaxCommand)
@click.option("--list", "list_file", type=input_file, required=True, help="CSV or Parquet with the portfolio's codes.")
@click.option(
    "--against", required=True, metavar="BUREAU/LIST", help="List of a bureau, BUREAU/LIST or BUREAU/LIST@VERSION."
)
@click.option("--out", type=output_file, required=True, help="The .csv file to write; - is standard output.")
@click.option(
    "--purpose",
    type=click.Choice([str(purpose) for purpose in Purpose]),
    default=str(Purpose.PORTFOLIO_SCREENING),
    show_default=True,
    help="What it is for; the agreement's screening section must cover it.",
)
@click.option(
    "--mode",
    type=click.Choice(MODES),
    default=str(ScreeningMode.CODES),
    show_default=True,
    help="codes: those that stand on the list; labels: with what the list says of them; count: their number alone.",
)
@click.option(
    "--protocol",
    type=click.Choice([str(ScreeningProtocol.VOLE), str(ScreeningProtocol.OPRF)]),
    help="Chosen by sizes and link where not given.",
)
@click.option(
    "--security",
    type=click.Choice([str(SecurityProfile.SEMI_HONEST), str(SecurityProfile.MALICIOUS)]),
    help="What protocol vole withstands; as the agreement demands where not given. malicious takes more of the quota.",
)
@click.option("--code-column", default="", help="The file's column of codes; else uscc, or else the first.")
@click.option(
    "--idempotency-key", default="", help="The same key with the same list is the same screening, never done twice."
)
@click.option("--label", default="", help="A note for people, kept with the screening; at most 200 characters.")
@click.option("--follow/--no-follow", default=True, show_default=True, help="Wait for the result, or print the id.")
@json_option
@pass_state
def screen(
    state: State,
    list_file: Path,
    against: str,
    out: Path,
    purpose: str,
    mode: str,
    protocol: str | None,
    security: str | None,
    code_column: str,
    idempotency_key: str,
    label: str,
    follow: bool,
    as_json: bool,
) -> None:
    """Find out privately which codes of a portfolio stand on a bureau's list (at a bank).

    The bureau learns which list is asked, and of how many codes, to a step; never which codes, never which matched.
    Ctrl-C stops the waiting, never the screening. Ends with 0 for done, 1 for failed, 4 for cancelled.
    """
    bureau, name, version = named_list(against)
    check_output(out)
    with state.client() as node:
        with progress(state, state.text("submitting", "提交名单")):
            job = node.screenings.submit(
                bureau,
                name,
                portfolio_codes(list_file, code_column),
                purpose=purpose,
                version=version,
                mode=mode,
                protocol=protocol or "",
                idempotency_key=idempotency_key,
                label=label,
                security=security or "",
            )
        if job.bad_codes:
            state.warn(
                f"{job.bad_codes:,} of {job.rows:,} rows hold no valid code and are not asked about",
                f"{job.rows:,} 行中 {job.bad_codes:,} 行不是有效代码，不参与筛查",
            )
        if not follow:
            hand_over(state, job, out, as_json)
            return
        state.note(f"screening {job.job_id}", f"筛查 {job.job_id}")
        last = follow_screening(state, node, job.job_id)
        if last.state is JobState.DONE:
            fetch(state, node, last, out)
    if as_json or str(out) != "-":
        print_one(last, as_json)
    end_with(state, last)
