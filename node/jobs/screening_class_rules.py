"""Which comparisons of classes a bank's node asks for: one class for a loan, not nearly the loans of an earlier one.

The bureau sees neither loans nor classes, so that the bank's own node holds to the rules before it asks. An auditor can
apply them again to opened sets.
"""

from __future__ import annotations

from node.codes import Code
from node.errors import Refusal
from node.jobs.screening_records import StoredScreening
from node.jobs.screening_task import ScreeningParts
from protocols.errors import LocalProtocolError
from protocols.psi.cardinality.rules import check_difference
from protocols.psi.classes.entries import check_one_class


def check_comparable(job: StoredScreening, parts: ScreeningParts, minimum: int) -> None:
    """Return if a comparison may be made; its own commitment stands in the journal already.

    Raises:
        Refusal: ``INVALID_INPUT``: against the same version of the list a loan was compared with another class, or
            loans that differ from these by fewer than ``minimum`` were compared.
    """
    entries = parts.files.codes(job.job_id).tolist()
    loans = entries[: len(entries) // 2]
    for other in parts.journal.counted(job):
        if parts.journal.get(other).list_version != job.list_version:
            continue
        earlier = parts.files.codes(other).tolist()
        try:
            check_one_class(entries, earlier)
            check_difference(loans, [earlier[: len(earlier) // 2]], minimum)
        except LocalProtocolError as fault:
            raise Refusal(
                Code.INVALID_INPUT,
                str(fault),
                remedy="Compare the same loans in the same classes, or wait for the bureau's next version of the list.",
            ) from None
