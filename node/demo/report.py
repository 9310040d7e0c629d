"""What the demo tells people at its end: tables on the screen, and a summary as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from node.certification.result import ReviewResult
from node.demo.fit import Fitted
from node.demo.infer import InferredField, InferredTable


@dataclass(frozen=True)
class Summary:
    """The demo's result; its members are the keys of ``--json FILE``."""

    enterprises: int
    """Lines of the applicants' list."""
    aligned: int
    """Enterprises that the bureau holds, as the bank learned privately."""
    scored: int
    refused: Mapping[str, int]
    """Reason -> number of enterprises."""
    exact: bool
    """Whether EVERY score equals the plaintext oracle's, and at least one was made."""
    auc_bank: float | None
    """AUC of the bank's own scorecard on the scored test rows; None where one class is absent."""
    auc_joint: float | None
    """AUC of the joint score on the same rows."""
    reviews: int
    """Versions of the model that the auditor looked at; the last one was admitted."""
    worst_gain: float
    """Largest gain of a field, in any view, of the admitted version (docs/certification.md)."""
    score_bits: float
    """log2 of its distinct scores."""
    bytes_to_bureau: int
    bytes_to_bank: int
    seconds: float

    def write(self, path: Path) -> None:
        """Write the summary as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def show_inferred(console: Console, bank: InferredTable, bureau: InferredTable) -> None:
    """Print what every column was taken to be."""
    table = Table(title="What the columns were taken to be", title_justify="left")
    for heading in ("side", "column", "type", "range or codes", "step", "edges", "missing", "remark"):
        table.add_column(heading, justify="right" if heading in {"step", "edges", "missing"} else "left")
    for side, inferred in (("bank", bank), ("bureau", bureau)):
        for field in inferred.fields:
            table.add_row(side, *map(escape, _field_cells(field)))
        for left in inferred.left_out:
            table.add_row(side, escape(left.column), "[dim]left out", "", "", "", "", escape(left.why))
    console.print(table)


def _field_cells(field: InferredField) -> tuple[str, ...]:
    spread = f"{len(field.codes)} codes" if field.type == "code" else f"{field.low} .. {field.high} {field.unit}"
    name = field.column if field.id == field.column else f"{field.column} ({field.id})"
    edges = str(len(field.edges)) if field.edges else ""
    return name, field.type, spread.strip(), field.step or "", edges, f"{field.missing:.1%}", field.note


def show_fitted(console: Console, fitted: Fitted, bank: InferredTable, bureau: InferredTable) -> None:
    """Print which fields the joint scorecard uses, how much each says and what its points span."""
    columns = {
        (side, field.id): field.column for side, of in (("bank", bank), ("bureau", bureau)) for field in of.fields
    }
    title = f"Joint scorecard, fitted in the clear on {fitted.training_rows:,} training rows"
    table = Table(title=title, title_justify="left")
    for heading in ("side", "field", "bins", "lowest points", "highest points", "information value"):
        table.add_column(heading, justify="left" if heading in {"side", "field"} else "right")
    for field in fitted.joint.fields:
        low, high = field.extremes
        value = fitted.information[field.source, field.field]
        name = columns[field.source, field.field]
        table.add_row(field.source, escape(name), str(field.column_count), str(low), str(high), f"{value:.3f}")
    console.print(table)


def show_review(console: Console, result: ReviewResult) -> None:
    """Print what a review found: the worst figures of every field over all views, and what failed."""
    verdict = "[green]admitted" if result.passed else "[red]refused"
    title = f"Review of {escape(result.facts.label)}: {verdict}"
    table = Table(title=title, title_justify="left")
    for heading in ("field", "gain", "given away", "bin most given away"):
        table.add_column(heading, justify="right" if heading in {"gain", "given away"} else "left")
    for name in dict.fromkeys(field.field for view in result.views for field in view.fields):
        figures = [field for view in result.views for field in view.fields if field.field == name]
        telling = max(figures, key=lambda field: field.disclosed_share)
        gain = max(field.gain for field in figures)
        table.add_row(escape(name), f"{gain:.3f}", f"{telling.disclosed_share:.1%}", escape(telling.worst_bin))
    scores = max(view.distinct_scores for view in result.views)
    limits = result.thresholds
    table.add_row("[dim]at most", f"[dim]{limits.ordinary_gain:.3f}", f"[dim]{limits.disclosed_share:.1%}", "")
    console.print(table)
    console.print(f"[dim]{scores:,} distinct scores of at most {limits.distinct_scores:,}")
    for failure in result.failures:
        console.print(f"[red]{escape(failure.text)}")


def show_summary(console: Console, summary: Summary) -> None:
    """Print the result."""
    table = Table(title="Result", title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_row("enterprises", f"{summary.enterprises:,}")
    table.add_row("aligned: the bureau holds them", f"{summary.aligned:,}")
    table.add_row("scored", f"{summary.scored:,}")
    for reason, count in sorted(summary.refused.items()):
        table.add_row(f"refused: {escape(reason)}", f"{count:,}")
    table.add_row("every score equals the plaintext oracle's", _verdict(summary.exact))
    table.add_row("AUC on test rows, bank alone", _share(summary.auc_bank))
    table.add_row("AUC on test rows, bank and tax", _share(summary.auc_joint))
    table.add_row("versions reviewed until one was admitted", f"{summary.reviews}")
    table.add_row("largest gain about a field", f"{summary.worst_gain:.3f}")
    table.add_row("bits a score can carry", f"{summary.score_bits:.2f}")
    table.add_row("bytes to the bureau", f"{summary.bytes_to_bureau:,}")
    table.add_row("bytes to the bank", f"{summary.bytes_to_bank:,}")
    table.add_row("seconds", f"{summary.seconds:.1f}")
    console.print(table)


def _verdict(exact: bool) -> str:
    return "[green]yes" if exact else "[bold red]NO"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
