"""What becomes of the consents of one frame."""

from __future__ import annotations

import pytest

from node.codes import Reason
from tests.support.pair import Pair


@pytest.mark.parametrize("known", [False, True], ids=["new", "known before"])
def test_of_two_consents_under_one_id_the_first_counts_and_the_second_is_a_conflict(pair: Pair, known: bool) -> None:
    code, elsewhere = pair.data.codes[:2]
    first, consent_id = pair.signer.sign_with_id(code)
    wider = pair.signer.sign(code, consent_id=consent_id, maximum_uses=7)
    another = pair.signer.sign(elsewhere, consent_id=consent_id)
    if known:
        pair.bank.register([first])

    verdicts = pair.bank.register([first, wider, first, another])

    conflict = ("refused", Reason.CONSENT_CONFLICT)
    assert verdicts == [("registered", None), conflict, ("registered", None), conflict]
    assert pair.bank.bank_consents.get(consent_id).jws == first
    assert pair.bank.outcome(pair.bank.one(code).job_id) == {code: pair.expected[code]}
