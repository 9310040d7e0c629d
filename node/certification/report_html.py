"""The report for people: one HTML file that needs nothing else, with plots. No points, no weights, no seeds.

It is confidential all the same: the score distribution and the edges are the bank's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from node.certification.result import (
    Check,
    CombinationFigures,
    FieldFigures,
    Outcome,
    ReviewResult,
    ThresholdFacts,
    ViewFigures,
)
from node.certification.svg import Bar, column_chart, share_bars

_STYLE = """
body { font: 15px/1.5 system-ui, "Noto Sans CJK SC", sans-serif; color: #1d2733; }
body { max-width: 860px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em; }
h2 { font-size: 1.2em; margin-top: 2em; border-bottom: 1px solid #d7dde4; }
h3 { font-size: 1em; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th, td { text-align: left; padding: 3px 8px; border-bottom: 1px solid #d7dde4; vertical-align: top; }
svg { max-width: 100%; height: auto; }
svg text { font-size: 11px; fill: #1d2733; }
code { font-size: 12px; word-break: break-all; }
.verdict { padding: .6em 1em; color: #fff; border-radius: 4px; }
.mark { padding: 0 .5em; color: #fff; border-radius: 3px; }
.passed { background: #2f7d4f; }
.failed { background: #b23b3b; }
.warning { background: #b7791f; }
.note { color: #5a6672; font-size: 13px; }
"""
_VIEWS = {
    "independent": "fields independent 各字段独立",
    "correlated": "fields correlated as the bureau's are 按税务端秩相关",
    "given_bank_fields": "given the fields that the bank holds itself 已知银行自有字段",
    "combination": "models together 多模型联合",
}
_METHODS = {"exact": "exact", "monte_carlo": "sampled", "bound": "worst conceivable"}


def report_html(result: ReviewResult) -> bytes:
    """Return the report as HTML in UTF-8."""
    title = f"Review of {result.facts.label}"
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(title)} 模型审核报告</h1>",
        *_verdict(result),
        *_facts(result),
        "<h2>Checks 核验项</h2>",
        _checks(result.checks),
        *_distribution(result),
        *_leakage(result),
        *_combinations(result.combinations, result.thresholds),
        *_noise(result),
        *_digests(result),
        "</body></html>",
    ]
    return "\n".join(parts).encode()


def _verdict(result: ReviewResult) -> Iterator[str]:
    passed = result.passed
    words = "The model passed. 审核通过" if passed else f"The model failed {len(result.failures)} checks. 审核未通过"
    yield f'<p class="verdict {"passed" if passed else "failed"}">{escape(words)}</p>'


def _facts(result: ReviewResult) -> Iterator[str]:
    facts = result.facts
    yield _table(
        [],
        [
            ("bank 银行", facts.bank),
            ("bureaus 税务端", ", ".join(facts.bureaus)),
            ("auditor 审核方", result.auditor),
            ("reviewed 审核时间", f"{result.reviewed_at:%Y-%m-%d %H:%M} UTC"),
            ("class, purposes 用途", f"{facts.model_class}; {', '.join(facts.purposes)}"),
            ("engine 引擎", f"{facts.engine}, {facts.profile}"),
            ("catalogue 目录", f"{facts.catalogue_id}@{facts.catalogue_version}"),
            ("model valid until 模型有效期", f"{facts.expires_at:%Y-%m-%d}"),
            ("model id", facts.model_id),
            ("dossier", result.dossier),
        ],
    )


def _checks(checks: Sequence[Check]) -> str:
    rows = "".join(
        f'<tr><td><span class="mark {check.outcome}">{check.outcome}</span></td><td>{escape(check.subject)}</td>'
        f"<td>{escape(check.text)}{_advice(check)}</td><td><code>{escape(_compared(check))}</code></td></tr>"
        for check in checks
    )
    return f"<table><tr><th></th><th>what</th><th>finding</th><th>figure</th></tr>{rows}</table>"


def _advice(check: Check) -> str:
    needed = check.advice and check.advice not in check.text and check.outcome is not Outcome.PASSED
    return f'<br><span class="note">{escape(check.advice)}</span>' if needed else ""


def _compared(check: Check) -> str:
    return f"{check.value} / {check.threshold}" if check.threshold else check.value


# ---- plots


def _distribution(result: ReviewResult) -> Iterator[str]:
    yield "<h2>Score distribution 评分分布</h2>"
    found = result.histogram
    if found is None:
        yield "<p>There are too many distinct scores to draw.</p>"
        return
    last = found.low + found.width * len(found.shares) - 1
    yield column_chart(found.shares, (str(found.low), str(last)), "share of enterprises")
    yield _note(
        f"Bars of {found.width} points, over the bureau's frequencies with independent fields; without the bank's own "
        "points. 税务部分得分，不含银行自有部分。"
    )


def _leakage(result: ReviewResult) -> Iterator[str]:
    yield "<h2>Leakage per field 各字段泄露度量</h2>"
    yield _note(
        "Gain: how much more often the best guess of an enterprise's bin is right once the score is seen, on average. "
        "The red line is the agreement's threshold; disclosable fields have none."
    )
    for view in result.views:
        yield from _view(view, result.thresholds)
    exact = [view for view in result.views if view.view == "independent"]
    yield "<h2>Leakage per bin 各分箱泄露度量</h2>"
    yield _note(
        "Given away: share of a bin's members whose bin the score shows with 95 % or more. The worst posterior is 1.00 "
        "for every scorecard (the extreme scores) and is not judged."
    )
    for view in exact:
        for field in view.fields:
            name = f"{escape(field.field)} ({escape(view.feature_set)})"
            yield f"<details><summary>{name}</summary>{_bins(field)}</details>"


def _view(view: ViewFigures, thresholds: ThresholdFacts) -> Iterator[str]:
    where = f"{view.feature_set}, {view.bureau}"
    sampled = f", {view.samples:,} samples" if view.samples else ""
    yield f"<h3>{escape(_VIEWS[view.view])}</h3>"
    known = f" Known to the bank: {', '.join(view.known)}." if view.known else ""
    yield _note(
        f"{where}; {_METHODS[view.method]}{sampled}; {view.distinct_scores:,} distinct scores, "
        f"{view.score_bits_milli / 1000:.3f} bits.{known}"
    )
    yield share_bars([_bar(field, thresholds) for field in view.fields])
    if any(field.uncertain_share > 0.01 for field in view.fields):
        uncertain = ", ".join(
            f"{each.field} {each.uncertain_share:.0%}" for each in view.fields if each.uncertain_share
        )
        yield _note(f"Enterprises in merged cells that an edge cuts, split by width: {uncertain}.")


def _bar(field: FieldFigures, thresholds: ThresholdFacts) -> Bar:
    limits = {"sensitive": thresholds.sensitive_gain, "ordinary": thresholds.ordinary_gain}
    error = f" ± {field.standard_error:.4f}" if field.standard_error else ""
    hint = f"gain {field.gain:.4f}{error}, largest prior {field.largest_prior:.4f}, {field.sensitivity}"
    return Bar(f"{field.field} ({field.sensitivity})", field.gain, limits.get(field.sensitivity), hint)


def _bins(field: FieldFigures) -> str:
    head = f"gain {field.gain:.4f}; given away at most {field.disclosed_share:.4f}"
    worst = f" ({field.worst_bin})" if field.worst_bin else ""
    rows = [
        (each.label, f"{each.prior:.4f}", f"{each.disclosed_share:.4f}", f"{each.worst_posterior:.4f}")
        for each in field.bins
    ]
    return _note(head + worst) + _table(["bin", "share of enterprises", "given away", "worst posterior"], rows)


def _combinations(found: Sequence[CombinationFigures], thresholds: ThresholdFacts) -> Iterator[str]:
    for combination in found:
        yield "<h2>Models together on one enterprise 同一企业多模型</h2>"
        yield f"<p>{escape(', '.join(combination.models))}</p>"
        yield _note(
            f"Rank {combination.rank} of {len(combination.models)} models, {combination.unknowns} unknown bins."
        )
        for view in combination.views:
            yield from _view(view, thresholds)


def _noise(result: ReviewResult) -> Iterator[str]:
    noise = result.noise
    yield "<h2>Noise 噪声</h2>"
    if noise.distance_log2 is None:
        yield "<p>Paillier: every response is multiplied by a fresh r<sup>n</sup>; there is no noise to measure.</p>"
        return
    yield column_chart(noise.norms, ("column 0", f"column {len(noise.norms) - 1}"), "norm of the error")
    worst = "" if noise.worst_case_log2 is None else f" (worst case of the profile: 2^{noise.worst_case_log2:.2f})"
    yield _note(
        f"One response lies within 2^{noise.distance_log2:.2f} of one that shows the score alone{worst}; "
        f"largest error coefficient {noise.largest_coefficient}."
    )


def _digests(result: ReviewResult) -> Iterator[str]:
    facts = result.facts
    yield "<h2>Digests 摘要</h2>"
    yield _table(
        [],
        [
            ("engine library", facts.engine_library_sha256),
            ("public key", facts.public_key_digest),
            ("key and ciphertexts", facts.encrypted_digest),
            *(("frequencies", digest) for digest in result.frequencies_digests),
        ],
    )
    rows = [(str(place), digest) for place, digest in enumerate(facts.ciphertext_digests)]
    yield f"<details><summary>{len(rows)} ciphertexts</summary>{_table(['column', 'digest'], rows)}</details>"


def _note(text: str) -> str:
    return f'<p class="note">{escape(text)}</p>'


def _table(headings: Sequence[str], rows: Sequence[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{f'<tr>{head}</tr>' if head else ''}{body}</table>"
