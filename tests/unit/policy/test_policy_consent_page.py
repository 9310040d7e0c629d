"""docs/consent.md says what the code does: its example is accepted, and its bounds, claims and codes are the code's."""

import re
from pathlib import Path

from node.codes import ModelClass, Purpose, Reason
from node.policy import consent_token
from node.policy.certificates import UsccField
from node.policy.consent_claims import MAXIMUM_CONSENT_FIELDS, ConsentClaims

PAGE = (Path(__file__).parents[3] / "docs" / "consent.md").read_text(encoding="utf-8")


def test_the_example_is_a_good_payload() -> None:
    example = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    claims = ConsentClaims.model_validate_json(example[1])
    assert claims.aud == (claims.bureau,)


def test_every_claim_code_and_bound_is_on_the_page() -> None:
    for name in [*ConsentClaims.model_fields, *Purpose, *ModelClass, *UsccField, consent_token.TYPE]:
        assert f"`{name}`" in PAGE, name
    for bound in (consent_token.MAXIMUM_HEADER_CHARACTERS, consent_token.MAXIMUM_PAYLOAD_CHARACTERS):
        assert f"{bound:,} characters" in PAGE
    assert f"1 to {MAXIMUM_CONSENT_FIELDS} texts" in PAGE
    for reason in Reason:
        if reason.startswith("CONSENT_") and reason is not Reason.CONSENT_UNKNOWN:
            assert f"`{reason}`" in PAGE, reason
