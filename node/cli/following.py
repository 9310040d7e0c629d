"""Following a job on the terminal, and what its end means to the shell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node.cli.exits import Exit
from node.cli.files import STANDARD
from node.cli.language import Language, printable
from node.cli.progress import progress
from node.cli.score_files import write_scores
from node.cli.state import State
from node.codes import JobState

if TYPE_CHECKING:
    from node.client.control import ControlClient
    from node.client.results import Job

_CHINESE_STATES = {
    JobState.QUEUED: "排队",
    JobState.ALIGNING: "对齐",
    JobState.ADMITTING: "准入检查",
    JobState.COMPUTING: "计算",
    JobState.RELEASING: "放行",
    JobState.DONE: "完成",
    JobState.FAILED: "失败",
    JobState.CANCELLED: "已取消",
}
_EXITS = {JobState.DONE: Exit.DONE, JobState.FAILED: Exit.FAILED, JobState.CANCELLED: Exit.CANCELLED}


def follow_job(state: State, node: ControlClient, job_id: str) -> Job:
    """Show a job's progress until it is final and return it; on Ctrl-C say that the job goes on."""
    try:
        with progress(state, state.text("job", "作业"), lines=True) as bar:
            for job in node.jobs.follow(job_id):
                bar.update(job.finished, job.rows or None, state_name(state, job.state))
    except KeyboardInterrupt:
        _say_it_goes_on(state, job_id)
        raise
    return job


def fetch(state: State, node: ControlClient, job: Job, out: Path) -> None:
    """Write a job's results, with a progress bar."""
    with progress(state, state.text("fetching results", "取回结果")) as bar:
        count = write_scores(out, node.jobs.results(job.job_id), lambda rows: bar.update(rows, job.rows or None))
    if out != STANDARD:
        state.note(f"{count:,} rows in {out}", f"{out} 中共 {count:,} 行")


def end_with(state: State, job: Job) -> None:
    """End the command with the exit code of a job's final state; say why it failed."""
    if job.error_code:
        click.secho(printable(_failure(state, job)), err=True, fg="red")
    if job.state is not JobState.DONE:
        click.get_current_context().exit(_EXITS[job.state])


def _failure(state: State, job: Job) -> str:
    word = state.text("error", "错误")
    again = state.text(f"then banktax job resume {job.job_id}", f"之后执行 banktax job resume {job.job_id}")
    return f"{word} {job.error_code}: {job.error_detail} ({_remedy(state, job)}{again})"


def _remedy(state: State, job: Job) -> str:
    """Return what to do about a code that this program knows."""
    from node.codes import Code
    from node.meanings import CODE_MEANINGS

    if job.error_code not in set(Code):
        return ""
    meaning = CODE_MEANINGS[Code(job.error_code)]
    return f"{state.text(meaning.english, meaning.chinese)} {state.text(meaning.remedy, meaning.remedy_chinese)} "


def state_name(state: State, job_state: JobState) -> str:
    """Return a state's name in the language of the terminal."""
    return _CHINESE_STATES[job_state] if state.language is Language.CHINESE else str(job_state)


def _say_it_goes_on(state: State, job_id: str) -> None:
    click.echo(
        state.text(
            f"the job goes on; follow it again: banktax job follow {job_id} --dir {state.directory}",
            f"作业继续运行；可再次跟踪：banktax job follow {job_id} --dir {state.directory}",
        ),
        err=True,
    )
