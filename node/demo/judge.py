"""What only a demo can do: it knows both sides' data, so it compares every encrypted score with the plaintext one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from node.client import results
from node.codes import RowStatus
from node.demo.applicants import Applicant
from node.demo.certify import Certified
from node.demo.dataset import Dataset
from node.demo.fit import Fitted
from node.demo.infer import Inferred, InferredTable
from node.demo.plots import plot_roc, plot_scores
from node.demo.report import Summary
from node.scorecards.metrics import auc
from node.scorecards.reference import ReferenceOracle


@dataclass(frozen=True)
class Demo:
    """Everything that is known before the nodes start."""

    data: Dataset
    inferred: Inferred
    fitted: Fitted
    applicants: tuple[Applicant, ...]


@dataclass(frozen=True)
class _Scored:
    """The rows that were scored, and what both sides hold of them in the clear."""

    rows: list[results.ScoreRow]
    at_bank: list[int]
    bank_cells: list[dict[str, str]]
    tax_cells: list[dict[str, str]]


@dataclass(frozen=True)
class _Test:
    """Scores of the rows that the fit never saw and whose outcome is known; ``bad``: who defaulted."""

    joint: NDArray[np.int64]
    alone: NDArray[np.int64]
    bad: NDArray[np.bool_]

    @property
    def is_comparable(self) -> bool:
        """Both outcomes are there, so that a curve can be drawn."""
        return bool(self.bad.any() and not self.bad.all())


def judge(
    demo: Demo,
    certified: Certified,
    job: results.Job,
    rows: Sequence[results.ScoreRow],
    status: results.Status,
    out: Path,
    seconds: float,
) -> Summary:
    """Compare a job's rows with the plaintext, plot who defaults, and return the summary.

    Args:
        demo: both sides' data.
        certified: the admitted version of the model, and its reviews.
        job: the finished job.
        rows: its rows, one for each applicant.
        status: of the bank's node, for its traffic.
        out: folder of the plots.
        seconds: how long the demo took.
    """
    scored = _scored(demo, rows)
    test = _test_of(demo, scored)
    if test.is_comparable:
        _plot(test, out)
    return Summary(
        enterprises=len(demo.applicants),
        aligned=job.aligned,
        scored=job.scored,
        refused={**job.refused, **({RowStatus.NOT_HELD.value.upper(): job.not_held} if job.not_held else {})},
        exact=len(rows) == len(demo.applicants) and _is_exact(demo, scored),
        auc_bank=auc(test.alone, test.bad) if test.is_comparable else None,
        auc_joint=auc(test.joint, test.bad) if test.is_comparable else None,
        reviews=len(certified.reviews),
        worst_gain=round(certified.worst_gain, 4),
        score_bits=certified.score_bits,
        bytes_to_bureau=status.bytes_sent,
        bytes_to_bank=status.bytes_received,
        seconds=seconds,
    )


def cells_of(table: InferredTable, names: Sequence[str], rows: Sequence[int]) -> list[dict[str, str]]:
    """Return the cells of ``rows`` by field; of a made-up enterprise (row -1) every cell is empty."""
    columns = {name: table.cells[name].to_pylist() for name in names}
    return [{name: (columns[name][row] or "") if row >= 0 else "" for name in names} for row in rows]


def _scored(demo: Demo, rows: Sequence[results.ScoreRow]) -> _Scored:
    place = {code: row for row, code in enumerate(demo.data.codes)}
    scored = [row for row in rows if row.status == RowStatus.SCORED]
    at_bank = [place[row.uscc] for row in scored]
    at_bureau = demo.data.position[at_bank].tolist() if at_bank else []
    bank, bureau = demo.inferred.bank, demo.inferred.bureau
    return _Scored(
        scored, at_bank, cells_of(bank, list(bank.cells), at_bank), cells_of(bureau, list(bureau.cells), at_bureau)
    )


def _is_exact(demo: Demo, scored: _Scored) -> bool:
    """Tell whether there are scores, and each of them and its parts are the oracle's."""
    oracle = ReferenceOracle(json.loads(demo.fitted.joint.to_json()))
    expected = oracle.scores(zip(scored.bank_cells, scored.tax_cells, strict=True))
    return bool(scored.rows) and all(
        (row.score, row.bank_part, row.tax_part) == (right.score, right.bank_part, right.tax_part)
        for row, right in zip(scored.rows, expected, strict=True)
    )


def _test_of(demo: Demo, scored: _Scored) -> _Test:
    at_bank = np.array(scored.at_bank, dtype=np.int64)
    judged = _judged(demo.data, at_bank)
    joint = np.array([row.score for row in scored.rows], dtype=np.int64)
    alone = _bank_alone(demo, scored.bank_cells)
    return _Test(joint[judged], alone[judged], demo.data.outcome[at_bank[judged]] == 1)


def _judged(data: Dataset, at_bank: NDArray[np.int64]) -> NDArray[np.bool_]:
    judged: NDArray[np.bool_] = ~data.train[at_bank] & (data.outcome[at_bank] >= 0)
    return judged


def _bank_alone(demo: Demo, bank_cells: Sequence[dict[str, str]]) -> NDArray[np.int64]:
    card = demo.fitted.bank_only
    if card is None:
        return np.zeros(len(bank_cells), dtype=np.int64)
    oracle = ReferenceOracle(json.loads(card.to_json()))
    return np.array([oracle.score(row, {}).score for row in bank_cells], dtype=np.int64)


def _plot(test: _Test, out: Path) -> None:
    plot_scores(out / "scores.png", test.joint, test.bad, "Joint score on test rows")
    curves = [("bank and tax", test.joint), ("bank alone", test.alone)]
    plot_roc(out / "roc.png", curves, test.bad, "Who defaults: test rows")
