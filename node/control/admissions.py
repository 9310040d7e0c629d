"""What the control API does with admissions, the same at either role."""

from __future__ import annotations

from datetime import datetime

from node.jobs.admissions import HeldAdmission, HeldAdmissions
from node.rpc.control_server import ControlFunction, OperatorContext
from protos import control_pb2 as pb


class AdmissionControl:
    """Takes, lists and gives admissions."""

    def __init__(self, held: HeldAdmissions) -> None:
        self._held = held

    def functions(self) -> dict[str, ControlFunction]:
        """Return the functions by method name."""
        return {"ImportAdmission": self.add, "ListAdmissions": self.list, "GetAdmission": self.get}

    def add(self, _context: OperatorContext, request: pb.Document) -> pb.AdmissionSummary:
        """Keep an admission, or the revocation of one."""
        return _summary(self._held.add(request.json))

    def list(self, _context: OperatorContext, _request: pb.ListAdmissionsRequest) -> pb.Admissions:
        """List all admissions."""
        return pb.Admissions(admissions=[_summary(each) for each in self._held.list()])

    def get(self, _context: OperatorContext, request: pb.AdmissionKey) -> pb.Document:
        """Give a signed admission."""
        return pb.Document(json=self._held.document(request.admission_id))


def _summary(held: HeldAdmission) -> pb.AdmissionSummary:
    summary = pb.AdmissionSummary(admission_id=held.admission_id, state=held.state, auditors=held.auditors)
    summary.digest = held.digest.hex()
    admission, revocation = held.admission, held.revocation
    if admission is not None:
        summary.bank = admission.bank
        summary.bureaus.extend(admission.bureaus)
        summary.model_id = admission.model_id
        summary.name, summary.version = admission.name, admission.version
        summary.reviewed_at = _seconds(admission.reviewed_at)
        summary.review_by = _seconds(admission.review_by)
        summary.expires_at = _seconds(admission.expires_at)
        summary.distinct_scores = admission.leakage.distinct_scores
        summary.score_bits_milli = admission.leakage.score_bits_milli
        summary.combinations = len(admission.combinations)
        summary.supersedes = admission.supersedes
    if revocation is not None:
        summary.revoked_at = revocation.revoked_at // 1000
        summary.revoked_by, summary.revocation_reason = revocation.auditor, revocation.reason
    return summary


def _seconds(moment: datetime) -> int:
    return round(moment.timestamp())
