"""The thresholds of an agreement as the leakage measurement takes them, and those that no model can meet."""

from __future__ import annotations

from node.codes import Code
from node.errors import Refusal
from node.policy.agreement import Certification
from protocols.leakage.thresholds import Thresholds, impossible


def thresholds_of(certification: Certification) -> Thresholds:
    """Return what a model may give away."""
    return Thresholds(
        sensitive_gain=float(certification.sensitive_gain),
        ordinary_gain=float(certification.ordinary_gain),
        disclosed_share=float(certification.disclosed_share),
        distinct_scores=certification.distinct_scores,
    )


def require_possible(certification: Certification) -> None:
    """Return if some model that tells anything at all can be admitted and used.

    Raises:
        Refusal: ``INVALID_INPUT`` names the member of the agreement that no model can meet.
    """
    reason = impossible(
        thresholds_of(certification), certification.max_bits_per_enterprise, certification.max_models_per_enterprise
    )
    if reason is not None:
        raise Refusal(
            Code.INVALID_INPUT,
            f"certification: {reason}",
            remedy="Choose thresholds that a model can meet; docs/certification.md says what they mean.",
        )
