"""Following a screening on the terminal, and what its end means to the shell."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from node.cli.exits import Exit
from node.cli.files import STANDARD, replacing
from node.cli.following import state_name
from node.cli.language import printable
from node.cli.output import print_one
from node.cli.progress import progress
from node.cli.state import State
from node.codes import Code, JobState, ScreeningMode
from node.errors import Refusal

if TYPE_CHECKING:
    from node.client.control import ControlClient
    from node.client.screenings import Screening

_EXITS = {JobState.DONE: Exit.DONE, JobState.FAILED: Exit.FAILED, JobState.CANCELLED: Exit.CANCELLED}


def follow_screening(state: State, node: ControlClient, job_id: str) -> Screening:
    """Show a screening's progress until it is final and return it; on Ctrl-C say that it goes on."""
    try:
        with progress(state, state.text("screening", "筛查"), lines=True) as bar:
            for job in node.screenings.follow(job_id):
                bar.update(job.done, job.padded_codes or None, state_name(state, job.state))
    except KeyboardInterrupt:
        state.warn(
            f"the screening goes on: banktax screening follow {job_id} --dir {state.directory}",
            f"筛查继续运行：banktax screening follow {job_id} --dir {state.directory}",
        )
        raise
    return job


def named_list(text: str) -> tuple[str, str, str]:
    """Return bureau, list and version of BUREAU/LIST or BUREAU/LIST@VERSION."""
    bureau, mark, rest = text.partition("/")
    name, _, version = rest.partition("@")
    if not mark or not bureau or not name:
        raise Refusal(Code.INVALID_INPUT, "--against: name the list as BUREAU/LIST or BUREAU/LIST@VERSION")
    return bureau, name, version


def hand_over(state: State, job: Screening, out: Path, as_json: bool, more: str = "") -> None:
    """Print the id of a screening that is not waited for, and how its result is fetched; ``more`` options of that."""
    if as_json:
        print_one(job, as_json)
    else:
        click.echo(job.job_id)
    command = f"banktax screening follow {job.job_id} --out {out}{more} --dir {state.directory}"
    state.note(f"fetch the result when it is done: {command}", f"完成后取回结果：{command}")


def fetch(state: State, node: ControlClient, job: Screening, out: Path) -> None:
    """Write a screening's result."""
    _write(out, node.screenings.result(job.job_id))
    if out == STANDARD:
        return
    if job.mode == ScreeningMode.CLASSES:
        state.note(
            f"{job.matched:,} of {job.codes:,} loans have the same class at the bureau; mismatching ones are in {out}",
            f"{job.codes:,} 笔贷款中 {job.matched:,} 笔分类一致；分类不一致的贷款见 {out}",
        )
        return
    state.note(
        f"{job.matched:,} of {job.codes:,} codes, in {out}", f"{job.codes:,} 个代码中 {job.matched:,} 个匹配，见 {out}"
    )


def fetch_table(node: ControlClient, job: Screening, out: Path) -> None:
    """Write the confusion table of a comparison of classes."""
    _write(out, node.screenings.table(job.job_id))


def _write(out: Path, parts: Iterator[bytes]) -> None:
    if out == STANDARD:
        for part in parts:
            sys.stdout.buffer.write(part)
        return
    with replacing(out) as target:
        for part in parts:
            target.write(part)


def end_with(state: State, job: Screening) -> None:
    """End the command with the exit code of a screening's final state; say why it failed."""
    if job.error_code:
        word = state.text("error", "错误")
        again = state.text("then", "之后执行") + f" banktax screening resume {job.job_id}"
        click.secho(printable(f"{word} {job.error_code}: {job.error_detail} ({again})"), err=True, fg="red")
    if job.state is not JobState.DONE:
        click.get_current_context().exit(_EXITS[job.state])
