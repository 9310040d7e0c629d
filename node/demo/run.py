"""``banktax demo``: a whole bank, bureau and auditor on this machine, real data in, one exact encrypted score out.

What bank and bureau do, they do as two node processes over mutual TLS, through the same calls that an operator makes;
the auditor reviews the model and signs its admission before the bureau evaluates it.
What only a demo can do stands in :mod:`node.demo.judge`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from node.client import results
from node.client.data import DataImport, file_parts
from node.clock import system_clock
from node.codes import Code, JobState
from node.demo.applicants import Standing, choose_applicants, standings
from node.demo.certify import MAY_BE_GUESSED, Certified, certify
from node.demo.dataset import load
from node.demo.default_data import load_default
from node.demo.fit import CardHeader, fit
from node.demo.infer import catalogue_body, infer
from node.demo.judge import Demo, cells_of, judge
from node.demo.report import Summary, show_fitted, show_inferred, show_review, show_summary
from node.demo.signing import Terms, sign_consents
from node.demo.tables import write_table
from node.demo.trial import BANK, BUREAU, Trial
from node.errors import Refusal
from node.policy.agreement import Certification
from node.policy.consent import notice_digest
from node.policy.strictjson import canonical

CATALOGUE_ID = "demo-catalogue"
CARD = "demo-card"
DEFAULT_LIMIT = 100_000
NOTICE = "本企业同意银行为本次贷款申请使用税务评分。This enterprise agrees to the use of its tax score for this loan."
GUESSED = (
    "Few fields cannot hide each other. Bank and bureau now sign another agreement, for this demo: one that allows "
    "that the fields are guessed from the score. A real one keeps the defaults (docs/certification.md)."
)

Reporter = Callable[[int], None]


class _Screen:
    """Progress bars on standard error, tables on standard output."""

    def __init__(self) -> None:
        self.console = Console()
        self._columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )

    @contextmanager
    def step(self, doing: str, total: int = 1) -> Iterator[Reporter]:
        """Show one step; the reporter is told how many of ``total`` are done."""
        with Progress(*self._columns, console=Console(stderr=True)) as progress:
            task = progress.add_task(doing, total=total)
            yield lambda done: progress.update(task, completed=done)
            progress.update(task, completed=total)

    @contextmanager
    def steps(self, doing: str) -> Iterator[Callable[[str, int, int], None]]:
        """Show several steps in one line; the reporter is told which one it is, how many are done and of how many."""
        with Progress(*self._columns, console=Console(stderr=True)) as progress:
            task = progress.add_task(doing, total=None)
            yield lambda now, done, total: progress.update(task, description=now, completed=done, total=total)
            progress.update(task, description=doing, completed=1, total=1)


def run(
    *,
    data: Path | None = None,
    out: Path = Path("demo-output"),
    json_file: Path | None = None,
    limit: int | None = DEFAULT_LIMIT,
    seed: int = 1,
) -> Summary:
    """Run the demo; returns its result.

    Args:
        data: folder of ``bank.csv`` and ``bureau.csv``; the default data where not given.
        out: folder of tables and plots, made if absent.
        json_file: where the summary goes as JSON.
        limit: at most so many enterprises apply (test rows first); None = all.
        seed: of everything that is drawn; keys and consents are fresh all the same.

    Raises:
        Refusal: data that cannot be used, or a node that refused.
    """
    began = time.monotonic()
    screen = _Screen()
    demo = _prepare(screen, data, limit, seed)
    out.mkdir(parents=True, exist_ok=True)
    try:
        played = _play(screen, demo, out, Certification())
    except Refusal as refusal:
        if refusal.code is not Code.MODEL_NOT_ADMITTED:
            raise
        screen.console.print(f"[yellow]{escape(refusal.detail)}\n{GUESSED}")
        played = _play(screen, demo, out, MAY_BE_GUESSED)
    demo, certified, job, rows, status = played
    summary = judge(demo, certified, job, rows, status, out, round(time.monotonic() - began, 3))
    _write(demo, rows, summary, out, json_file)
    show_summary(screen.console, summary)
    screen.console.print(f"plots and tables: {out.resolve()}")
    if not summary.exact:
        raise Refusal(Code.INTERNAL, "a score differs from the plaintext oracle's")
    return summary


def _play(
    screen: _Screen, demo: Demo, out: Path, terms: Certification
) -> tuple[Demo, Certified, results.Job, list[results.ScoreRow], results.Status]:
    """Play everything between the parties under an agreement with these terms of certification.

    Raises:
        Refusal: ``MODEL_NOT_ADMITTED``: no version of the scorecard keeps to the terms.
    """
    with TemporaryDirectory(prefix="banktax-demo-") as folder, _nodes(screen, Path(folder)) as trial:
        _set_up(screen, demo, trial, Path(folder), terms)
        demo, certified = _certify(screen, demo, trial, out)
        _consents(screen, demo, trial)
        job, rows = _score(screen, demo, trial)
        with trial.bank.client() as bank:
            return demo, certified, job, rows, bank.status()


# ---- before the nodes start


def _prepare(screen: _Screen, folder: Path | None, limit: int | None, seed: int) -> Demo:
    with screen.step("read the data and infer its types"):
        data = load_default(seed) if folder is None else load(folder, seed)
        inferred = infer(data)
    show_inferred(screen.console, inferred.bank, inferred.bureau)
    for note in data.notes:
        screen.console.print(f"[dim]{note}")
    expires = datetime.fromtimestamp(system_clock() / 1000, UTC) + timedelta(days=365)
    with screen.step("fit a scorecard on the training rows, in the clear"):
        fitted = fit(data, inferred, CardHeader(CARD, "1", CATALOGUE_ID, 1, expires.date().isoformat()), seed)
    show_fitted(screen.console, fitted, inferred.bank, inferred.bureau)
    applicants = choose_applicants(data, seed, limit)
    if limit is not None and len(data.codes) > limit:
        screen.console.print(f"[dim]{limit:,} of {len(data.codes):,} enterprises apply; --limit 0 takes all")
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in standings(applicants).items())
    screen.console.print(f"applicants: {kinds}")
    return Demo(data, inferred, fitted, applicants)


# ---- what operators and enterprises do


@contextmanager
def _nodes(screen: _Screen, folder: Path) -> Iterator[Trial]:
    with ExitStack() as closing:
        with screen.step("start two nodes; bank, bureau and auditor trust each other's cards"):
            trial = closing.enter_context(Trial(folder / "nodes"))
        yield trial


def _set_up(screen: _Screen, demo: Demo, trial: Trial, folder: Path, terms: Certification) -> None:
    bureau_side = demo.inferred.bureau
    with screen.step("sign catalogue and agreement on both sides"):
        trial.agree(catalogue_body(bureau_side, CATALOGUE_ID, 1, BUREAU), certification=terms)
    tax = folder / "tax.csv"
    write_table(tax, {"uscc": pa.array(demo.data.bureau_codes), **bureau_side.cells})
    today = datetime.fromtimestamp(system_clock() / 1000, UTC).date().isoformat()
    importing = screen.step("bureau: import tax data", len(demo.data.bureau_codes))
    with importing as done, tax.open("rb") as source, trial.bureau.client() as bureau:
        for step in bureau.data.load(DataImport("tax", today, CATALOGUE_ID), file_parts(source)):
            done(step.accepted)
            if step.rejected:
                raise Refusal(Code.INTERNAL, f"{step.rejected} rows of the prepared data were rejected")


def _certify(screen: _Screen, demo: Demo, trial: Trial, out: Path) -> tuple[Demo, Certified]:
    """Build, review, change and review again until the auditor signs; the demo goes on with the version admitted."""
    with screen.steps("bank and auditor: certify the model") as progress:
        certified = certify(trial, demo.fitted.joint, out, progress)
    for result in certified.reviews:
        show_review(screen.console, result)
    with screen.step("bank: register the model with its admission"), trial.bank.client() as bank:
        bank.models.register(f"{certified.card.name}@{certified.card.version}")
    return replace(demo, fitted=replace(demo.fitted, joint=certified.card)), certified


def _consents(screen: _Screen, demo: Demo, trial: Trial) -> None:
    """Enterprises sign with their own keys; the bank files, aligns privately and presents what is held."""
    fields = tuple(field.field for field in demo.fitted.joint.bureau_fields)
    digest = notice_digest(NOTICE.encode("utf-8"))
    valid = [each.code for each in demo.applicants if each.signs and each.standing is not Standing.EXPIRED]
    late = [each.code for each in demo.applicants if each.standing is Standing.EXPIRED]
    with screen.step("enterprises: sign consents", len(valid) + len(late)) as done:
        terms = Terms(BANK, BUREAU, fields, notice_sha256=digest)
        old = Terms(BANK, BUREAU, fields, begins_in_days=-40, ends_in_days=-10, notice_sha256=digest)
        signed = sign_consents(trial.authority, terms, valid, done)
        signed += sign_consents(trial.authority, old, late, lambda count: done(len(valid) + count))
    with screen.step("bank: align privately, register consents", len(signed)) as done, trial.bank.client() as bank:
        states: Counter[str] = Counter()
        for verdicts in bank.consents.register(signed, BUREAU):
            states.update(verdict.reason or verdict.state for verdict in verdicts)
            done(states.total())
    screen.console.print("consents: " + ", ".join(f"{state} {count:,}" for state, count in states.items()))


def _score(screen: _Screen, demo: Demo, trial: Trial) -> tuple[results.Job, list[results.ScoreRow]]:
    names = tuple(field.field for field in demo.fitted.joint.bank_fields)
    cells = cells_of(demo.inferred.bank, names, [each.row for each in demo.applicants])
    listed = [
        results.Applicant(each.code, tuple(row[name] for name in names))
        for each, row in zip(demo.applicants, cells, strict=True)
    ]
    with trial.bank.client() as bank:
        with screen.step("score on encrypted weights", len(listed)) as done:
            name = f"{demo.fitted.joint.name}@{demo.fitted.joint.version}"
            job = bank.scores.submit(name, listed, bank_fields=names, label="demo")
            for state in bank.jobs.follow(job.job_id):
                done(state.finished)
                job = state
        if job.state is not JobState.DONE:
            raise Refusal(Code(job.error_code or Code.INTERNAL), job.error_detail or f"the job is {job.state}")
        rows = [row for part in bank.jobs.results(job.job_id) for row in part]
    return job, rows


# ---- what is left at the end


def _write(demo: Demo, rows: Sequence[results.ScoreRow], summary: Summary, out: Path, json_file: Path | None) -> None:
    write_table(
        out / "scores.csv",
        {
            "uscc": pa.array([row.uscc for row in rows]),
            "status": pa.array([row.status for row in rows]),
            "reason": pa.array([row.reason for row in rows]),
            "score": pa.array([row.score for row in rows], type=pa.int64()),
            "bank_part": pa.array([row.bank_part for row in rows], type=pa.int64()),
            "tax_part": pa.array([row.tax_part for row in rows], type=pa.int64()),
        },
    )
    (out / "scorecard.json").write_text(demo.fitted.joint.to_json(), encoding="utf-8")
    catalogue = canonical(catalogue_body(demo.inferred.bureau, CATALOGUE_ID, 1, BUREAU))
    (out / "catalogue.json").write_bytes(catalogue + b"\n")
    summary.write(out / "summary.json")
    if json_file is not None:
        summary.write(json_file)
