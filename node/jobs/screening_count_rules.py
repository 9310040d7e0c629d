"""Which counts a bank's node asks for: of enough codes, and not of nearly the codes of an earlier count.

The bureau sees neither list nor number, so that the bank's own node holds to the rules of the agreement before it asks.
"""

from __future__ import annotations

from node.codes import Code
from node.errors import Refusal
from node.jobs.screening_records import StoredScreening
from node.jobs.screening_task import ScreeningParts
from protocols.errors import LocalProtocolError
from protocols.psi.cardinality.rules import check_difference, check_size


def check_allowed(job: StoredScreening, parts: ScreeningParts, minimum: int) -> None:
    """Return if a screening may be counted; its own commitment stands in the journal already.

    Raises:
        Refusal: ``INVALID_INPUT``: of fewer than ``minimum`` codes, or it differs by fewer from an earlier count
            against the same list, of any version.
    """
    codes = parts.files.codes(job.job_id).tolist()
    try:
        check_size(codes, minimum)
        earlier = (parts.files.codes(other).tolist() for other in parts.journal.counted(job))
        check_difference(codes, earlier, minimum)
    except LocalProtocolError as fault:
        raise Refusal(
            Code.INVALID_INPUT,
            str(fault),
            remedy="Count a larger list, the same one as before, or one that differs by more.",
        ) from None
