"""``banktax job``: scoring jobs."""

from __future__ import annotations

from pathlib import Path

import click

from node.cli.files import output_file
from node.cli.following import end_with, fetch, follow_job
from node.cli.framework import BanktaxGroup
from node.cli.output import Columns, json_option, print_list, print_one
from node.cli.score_files import check_score_file
from node.cli.state import State, pass_state
from node.codes import JobState

COLUMNS: Columns = (
    ("job", lambda item: item.job_id),
    ("state", lambda item: item.state),
    ("model", lambda item: item.model),
    ("finished", lambda item: f"{item.finished:,}/{item.rows:,}"),
    ("scored", lambda item: f"{item.scored:,}"),
    ("refused", lambda item: f"{sum(item.refused.values()):,}"),
    ("not held", lambda item: f"{item.not_held:,}"),
    ("created", lambda item: item.created_at),
    ("label", lambda item: item.label),
)


@click.group(cls=BanktaxGroup)
def job() -> None:
    """Look at scoring jobs, follow, resume and cancel them, fetch results."""


@job.command("list")
@click.option(
    "--state", "job_state", type=click.Choice([str(state) for state in JobState]), help="Only jobs in this state."
)
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="At most so many, the newest first."
)
@json_option
@pass_state
def list_jobs(state: State, job_state: str | None, limit: int, as_json: bool) -> None:
    """List scoring jobs."""
    with state.client() as node:
        print_list(node.jobs.list(state=job_state or "", limit=limit), COLUMNS, as_json)


@job.command()
@click.argument("job_id", metavar="JOB")
@json_option
@pass_state
def show(state: State, job_id: str, as_json: bool) -> None:
    """Show everything about one job."""
    with state.client() as node:
        print_one(node.jobs.get(job_id), as_json)


@job.command()
@click.argument("job_id", metavar="JOB")
@click.option("--out", type=output_file, help="Fetch the results into this .csv or .parquet file when it is done.")
@json_option
@pass_state
def follow(state: State, job_id: str, out: Path | None, as_json: bool) -> None:
    """Follow a job until it ends; Ctrl-C stops the following, never the job.

    Ends with 0 for done, 1 for failed, 4 for cancelled.
    """
    if out is not None:
        check_score_file(out)
    with state.client() as node:
        last = follow_job(state, node, job_id)
        if out is not None and last.state is JobState.DONE:
            fetch(state, node, last, out)
    print_one(last, as_json)
    end_with(state, last)


@job.command()
@click.argument("job_id", metavar="JOB")
@json_option
@pass_state
def resume(state: State, job_id: str, as_json: bool) -> None:
    """Continue a failed job where its journal ends; nothing is scored or counted twice."""
    with state.client() as node:
        print_one(node.jobs.resume(job_id), as_json)


@job.command()
@click.argument("job_id", metavar="JOB")
@json_option
@pass_state
def cancel(state: State, job_id: str, as_json: bool) -> None:
    """Stop a job for good."""
    with state.client() as node:
        print_one(node.jobs.cancel(job_id), as_json)


@job.command()
@click.argument("job_id", metavar="JOB")
@click.option(
    "--out", type=output_file, required=True, help="The .csv or .parquet file to write; - is CSV on standard output."
)
@pass_state
def results(state: State, job_id: str, out: Path) -> None:
    """Fetch the results of a job that is done, as often as you like."""
    check_score_file(out)
    with state.client() as node:
        fetch(state, node, node.jobs.get(job_id), out)
