"""``banktax screening``: screenings that were submitted."""

from __future__ import annotations

from pathlib import Path

import click

from node.cli.files import check_output, output_file, replacing, write_document
from node.cli.framework import BanktaxGroup
from node.cli.output import Columns, json_option, print_list, print_one
from node.cli.screening_following import end_with, fetch, fetch_table, follow_screening
from node.cli.state import State, pass_state
from node.codes import JobState

COLUMNS: Columns = (
    ("screening", lambda item: item.job_id),
    ("state", lambda item: item.state),
    ("against", lambda item: f"{item.bureau}/{item.list}@{item.version}"),
    ("mode", lambda item: item.mode),
    ("protocol", lambda item: item.protocol),
    ("codes", lambda item: f"{item.codes:,}"),
    ("matched", lambda item: f"{item.matched:,}" if item.state is JobState.DONE else ""),
    ("created", lambda item: item.created_at),
    ("label", lambda item: item.label),
)
out_option = click.option("--out", type=output_file, required=True, help="The file to write; - is standard output.")

table_option = click.option(
    "--table", type=output_file, help="Comparison of classes: the .csv file for the confusion table."
)


@click.group(cls=BanktaxGroup)
def screening() -> None:
    """Look at screenings, follow, resume and cancel them, fetch results and records (at a bank)."""


@screening.command("list")
@click.option(
    "--state", "job_state", type=click.Choice([str(each) for each in JobState]), help="Only screenings in this state."
)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="At most so many.")
@json_option
@pass_state
def list_screenings(state: State, job_state: str | None, limit: int, as_json: bool) -> None:
    """List screenings, the newest first."""
    with state.client() as node:
        print_list(node.screenings.list(state=job_state or "", limit=limit), COLUMNS, as_json)


@screening.command()
@click.argument("job_id", metavar="SCREENING")
@json_option
@pass_state
def show(state: State, job_id: str, as_json: bool) -> None:
    """Show everything about one screening."""
    with state.client() as node:
        print_one(node.screenings.get(job_id), as_json)


@screening.command()
@click.argument("job_id", metavar="SCREENING")
@click.option("--out", type=output_file, help="Fetch the result into this .csv file when it is done.")
@table_option
@json_option
@pass_state
def follow(state: State, job_id: str, out: Path | None, table: Path | None, as_json: bool) -> None:
    """Follow a screening until it ends; Ctrl-C stops the following, never the screening."""
    for each in (out, table):
        if each is not None:
            check_output(each)
    with state.client() as node:
        last = follow_screening(state, node, job_id)
        if out is not None and last.state is JobState.DONE:
            fetch(state, node, last, out)
        if table is not None and last.state is JobState.DONE:
            fetch_table(node, last, table)
    print_one(last, as_json)
    end_with(state, last)


@screening.command()
@click.argument("job_id", metavar="SCREENING")
@json_option
@pass_state
def resume(state: State, job_id: str, as_json: bool) -> None:
    """Continue a failed screening where its files end; nothing is charged twice."""
    with state.client() as node:
        print_one(node.screenings.resume(job_id), as_json)


@screening.command()
@click.argument("job_id", metavar="SCREENING")
@json_option
@pass_state
def cancel(state: State, job_id: str, as_json: bool) -> None:
    """Stop a screening for good; what it took of the quota stays taken."""
    with state.client() as node:
        print_one(node.screenings.cancel(job_id), as_json)


@screening.command()
@click.argument("job_id", metavar="SCREENING")
@out_option
@table_option
@pass_state
def results(state: State, job_id: str, out: Path, table: Path | None) -> None:
    """Fetch the result of a screening that is done, as often as you like."""
    with state.client() as node:
        job = node.screenings.get(job_id)
        fetch(state, node, job, out)
        if table is not None:
            fetch_table(node, job, table)


@screening.command()
@click.argument("job_id", metavar="SCREENING")
@out_option
@pass_state
def record(state: State, job_id: str, out: Path) -> None:
    """Write the record of a screening that both parties signed: sizes, protocol, commitment, digest; no code."""
    with state.client() as node:
        write_document(out, node.screenings.record(job_id))


@screening.command("open-set")
@click.argument("job_id", metavar="SCREENING")
@click.option("--out", type=output_file, required=True, help="The file to write; readable by its owner alone.")
@pass_state
def open_set(state: State, job_id: str, out: Path) -> None:
    """Write the set and the seed of a screening for an auditor. CONFIDENTIAL: it holds every code that was asked about.

    The auditor checks it with banktax audit opened-set.
    """
    with state.client() as node, replacing(out) as target:
        for part in node.screenings.opened_set(job_id):
            target.write(part)
    state.warn(
        f"{out} holds the whole portfolio: hand it to the auditor alone and delete it afterwards",
        f"{out} 含全部名单：仅交审计方，用后删除",
    )
