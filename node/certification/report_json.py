"""The report for programs: everything that a review found, and whether it passed."""

from __future__ import annotations

import json

from node.certification.result import ReviewResult


def report_json(result: ReviewResult) -> bytes:
    """Return the report as JSON in UTF-8, ending in a line feed. No points, no weights, no seeds."""
    report = {"format": "banktax-review-1", "passed": result.passed, **json.loads(result.to_json())}
    return json.dumps(report, ensure_ascii=False, indent=2).encode() + b"\n"
