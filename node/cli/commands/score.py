"""``banktax score``: score a list, or one enterprise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from node.cli.applicants import ApplicantList, open_list
from node.cli.exits import Exit
from node.cli.files import input_file, output_file, read_document
from node.cli.following import end_with, fetch, follow_job
from node.cli.framework import BanktaxGroup
from node.cli.output import json_option, print_one
from node.cli.progress import Reporter, progress
from node.cli.score_files import check_score_file
from node.cli.state import State, pass_state
from node.codes import Engine, JobState, Purpose

if TYPE_CHECKING:
    from node.client.control import ControlClient
    from node.client.results import Applicant, Job

model_option = click.option("--model", required=True, help="Name, name@version or id of a registered model.")
purpose_option = click.option(
    "--purpose",
    type=click.Choice([str(purpose) for purpose in Purpose]),
    default=str(Purpose.LOAN_ORIGINATION),
    show_default=True,
    help="What the scores are for; agreement and consents must cover it.",
)
key_option = click.option(
    "--idempotency-key",
    default="",
    help="The same key with the same content is the same work, never done twice; the node makes one if none is given.",
)


@click.group(cls=BanktaxGroup)
def score() -> None:
    """Score enterprises (at a bank)."""


@score.command()
@model_option
@click.option(
    "--list",
    "list_file",
    type=input_file,
    required=True,
    help="CSV or Parquet: a column uscc, or else the first; other columns are the bank's own fields.",
)
@click.option(
    "--out", type=output_file, required=True, help="The .csv or .parquet file to write; - is CSV on standard output."
)
@click.option("--engine", type=click.Choice([str(engine) for engine in Engine]), help="The model's where not given.")
@purpose_option
@key_option
@click.option("--label", default="", help="A note for people, kept with the job; at most 200 characters.")
@click.option(
    "--follow/--no-follow",
    default=True,
    show_default=True,
    help="Wait for the results, or print the job's id and return.",
)
@json_option
@pass_state
def submit(
    state: State,
    model: str,
    list_file: Path,
    out: Path,
    engine: str | None,
    purpose: str,
    idempotency_key: str,
    label: str,
    follow: bool,
    as_json: bool,
) -> None:
    """Score a list as a job and write the results when it is done.

    Enterprises that cannot be scored stand in the results with their reason; the rest goes on. Ctrl-C stops the
    waiting, never the job. Ends with 0 for done, 1 for failed, 4 for cancelled.
    """
    check_score_file(out)
    applicants = open_list(list_file)
    with state.client() as node:
        with progress(state, state.text("submitting", "提交名单")) as bar:
            job = node.scores.submit(
                model,
                _counted(applicants, bar),
                bank_fields=applicants.fields,
                purpose=purpose,
                engine=engine or "",
                idempotency_key=idempotency_key,
                label=label,
            )
        if follow:
            _see_through(state, node, job, out, as_json)
        else:
            _hand_over(state, job, out, as_json)


def _counted(applicants: ApplicantList, bar: Reporter) -> Iterator[Applicant]:
    for count, applicant in enumerate(applicants, start=1):
        if count % 1000 == 0:
            bar.update(count, applicants.rows)
        yield applicant


def _see_through(state: State, node: ControlClient, job: Job, out: Path, as_json: bool) -> None:
    state.note(f"job {job.job_id}", f"作业 {job.job_id}")
    last = follow_job(state, node, job.job_id)
    if last.state is JobState.DONE:
        fetch(state, node, last, out)
    if as_json or str(out) != "-":
        print_one(last, as_json)
    end_with(state, last)


def _hand_over(state: State, job: Job, out: Path, as_json: bool) -> None:
    if as_json:
        print_one(job, as_json)
    else:
        click.echo(job.job_id)
    command = f"banktax job follow {job.job_id} --out {out} --dir {state.directory}"
    state.note(f"fetch the results when it is done: {command}", f"完成后取回结果：{command}")


@score.command()
@click.argument("uscc")
@model_option
@click.option(
    "--value", "values", multiple=True, metavar="FIELD=VALUE", help="Value of one of the bank's own fields; repeatable."
)
@click.option(
    "--consent",
    "consent_file",
    type=input_file,
    help="File of the enterprise's consent (compact JWS), where it was not registered before.",
)
@purpose_option
@key_option
@json_option
@pass_state
def one(
    state: State,
    uscc: str,
    model: str,
    values: tuple[str, ...],
    consent_file: Path | None,
    purpose: str,
    idempotency_key: str,
    as_json: bool,
) -> None:
    """Score one enterprise, named by its USCC, and wait for the answer.

    Ends with 3 where it gets no score; the reason is printed.
    """
    consent = read_document(consent_file).decode("ascii", "replace").strip() if consent_file else ""
    bank_values = _values(values)
    with state.client() as node:
        row = node.scores.one(
            model,
            uscc,
            bank_values=bank_values,
            purpose=purpose,
            consent=consent,
            idempotency_key=idempotency_key,
        )
    print_one(row, as_json)
    if not row.scored:
        click.get_current_context().exit(Exit.PARTLY)


def _values(pairs: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        field, mark, value = pair.partition("=")
        if not mark or not field or field in found:
            raise click.BadParameter("give each field once, as FIELD=VALUE", param_hint="--value")
        found[field] = value
    return found
