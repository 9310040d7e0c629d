"""``banktax compare-classes``: which loans have another risk class at the bureau (clause 4.2 of the notice)."""

from __future__ import annotations

from pathlib import Path

import click

from node.cli.files import check_output, input_file, output_file
from node.cli.framework import BanktaxCommand
from node.cli.output import json_option, print_one
from node.cli.portfolio import portfolio_loans
from node.cli.progress import progress
from node.cli.screening_following import end_with, fetch, fetch_table, follow_screening, hand_over, named_list
from node.cli.state import State, pass_state
from node.codes import JobState, Purpose, ScreeningMode, ScreeningProtocol


@click.command("compare-classes", cls=BanktaxCommand)
@click.option(
    "--list", "list_file", type=input_file, required=True, help="CSV or Parquet with loans and their classes."
)
@click.option(
    "--against",
    required=True,
    metavar="BUREAU/LIST",
    help="List of loan classes, BUREAU/LIST or BUREAU/LIST@VERSION.",
)
@click.option(
    "--out", type=output_file, required=True, help="The .csv file for mismatching loans; - is standard output."
)
@click.option("--table", type=output_file, required=True, help="The .csv file for the confusion table.")
@click.option(
    "--purpose",
    type=click.Choice([str(purpose) for purpose in Purpose]),
    default=str(Purpose.CLASS_CONSISTENCY),
    show_default=True,
    help="What it is for; the agreement's screening section must cover it.",
)
@click.option(
    "--protocol",
    type=click.Choice([str(ScreeningProtocol.VOLE), str(ScreeningProtocol.OPRF)]),
    help="Chosen by sizes and link where not given.",
)
@click.option("--id-column", default="", help="The file's column of loans; loan_id where none is named.")
@click.option("--class-column", default="", help="The file's column of classes; loan_class where none is named.")
@click.option(
    "--idempotency-key", default="", help="The same key with the same loans is the same comparison, never done twice."
)
@click.option("--label", default="", help="A note for people, kept with the screening; at most 200 characters.")
@click.option("--follow/--no-follow", default=True, show_default=True, help="Wait for the result, or print the id.")
@json_option
@pass_state
def compare_classes(
    state: State,
    list_file: Path,
    against: str,
    out: Path,
    table: Path,
    purpose: str,
    protocol: str | None,
    id_column: str,
    class_column: str,
    idempotency_key: str,
    label: str,
    follow: bool,
    as_json: bool,
) -> None:
    """Find out privately which loans have another risk class at the bureau (at a bank).

    Classes: normal, special-mention, substandard, doubtful, loss, or 正常, 关注, 次级, 可疑, 损失. The bank learns
    which loans mismatch, and so which agree, and a table without small cells; not which class a single mismatching
    loan has there.
    The bureau learns how many loans are compared, to a step. Ends with 0 for done, 1 for failed, 4 for cancelled.
    """
    bureau, name, version = named_list(against)
    check_output(out)
    check_output(table)
    with state.client() as node:
        with progress(state, state.text("submitting", "提交名单")):
            job = node.screenings.submit(
                bureau,
                name,
                portfolio_loans(list_file, id_column, class_column),
                purpose=purpose,
                version=version,
                mode=ScreeningMode.CLASSES,
                protocol=protocol or "",
                idempotency_key=idempotency_key,
                label=label,
            )
        if job.bad_codes:
            state.warn(
                f"{job.bad_codes:,} of {job.rows:,} rows hold no valid loan id and class and are not compared",
                f"{job.rows:,} 行中 {job.bad_codes:,} 行没有有效的贷款编号和分类，不参与比对",
            )
        if not follow:
            hand_over(state, job, out, as_json, f" --table {table}")
            return
        state.note(f"screening {job.job_id}", f"筛查 {job.job_id}")
        last = follow_screening(state, node, job.job_id)
        if last.state is JobState.DONE:
            fetch(state, node, last, out)
            fetch_table(node, last, table)
    if as_json or str(out) != "-":
        print_one(last, as_json)
    end_with(state, last)
