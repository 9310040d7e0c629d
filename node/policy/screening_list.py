"""A bureau's list that banks may screen against: named, versioned, signed. Its codes never stand in the document.

The digest commits to codes and labels under a random salt, which stays with the bureau: without the salt a bank could
test guesses of the whole list against it (:func:`content_digest`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from node.codes import Code
from node.errors import Refusal
from node.policy import documents
from node.policy.documents import SignedDocument
from node.policy.shapes import DocumentId, Hex32, PartyId, PolicyModel, require_distinct
from protocols.primitives.signing import SigningKey, VerifyKey
from protocols.transcript import RunningDigest

LIST_KIND = "list"
MAXIMUM_LABELS = 8
MAXIMUM_LABEL_NAME = 64
MAXIMUM_LABEL_BYTES = 512
SALT_BYTES = 32


def _printable(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("has white space around it or a character that does not print")
    return text


LabelName = Annotated[str, StringConstraints(min_length=1, max_length=MAXIMUM_LABEL_NAME), AfterValidator(_printable)]
Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")]


class ScreeningList(PolicyModel):
    """One version of a list, as banks may see it."""

    bureau: PartyId
    name: DocumentId
    version: Version
    kind: DocumentId = Field(description="what being on it means, for instance abnormal-operation")
    reason: Annotated[str, StringConstraints(max_length=500), AfterValidator(_printable)] = ""
    labels: Annotated[tuple[LabelName, ...], Field(max_length=MAXIMUM_LABELS), AfterValidator(require_distinct)] = ()
    padded_count: Annotated[int, Field(ge=1, le=2**27, description="number of codes, padded")]
    digest: Annotated[Hex32, Field(description="commitment to codes and labels under a salt that the bureau keeps")]
    issued_at: AwareDatetime

    def sign(self, key: SigningKey) -> SignedDocument:
        """Return this list's document signed by its bureau."""
        return documents.sign(LIST_KIND, self.to_body(), key, self.bureau)


def content_digest(salt: bytes, names: Iterable[str], parts: Iterable[bytes], length: int) -> bytes:
    """Return the commitment: SHA-256 over the salt, the labels' names and ``length`` bytes of content in ``parts``."""
    head = salt + b"".join(len(name.encode()).to_bytes(2, "big") + name.encode() for name in names) + b"\x00\x00"
    running = RunningDigest("screening/list", len(head) + length)
    running.update(head)
    for part in parts:
        running.update(part)
    return running.digest()


def encode_label(values: Sequence[str]) -> bytes:
    """Return one code's labels as they are sealed: a JSON array in the order of the list's names, in UTF-8."""
    return json.dumps(list(values), ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def decode_label(label: bytes, names: Sequence[str]) -> dict[str, str]:
    """Return the labels by name; zero bytes behind them are padding.

    Raises:
        Refusal: ``MALFORMED``, the bureau sealed something else.
    """
    try:
        values = json.loads(label.rstrip(b"\x00").decode("utf-8"))
    except ValueError:
        values = None
    if not isinstance(values, list) or len(values) != len(names) or not all(isinstance(one, str) for one in values):
        raise Refusal(Code.MALFORMED, "a label is not what the list's document announces")
    return dict(zip(names, values, strict=True))


def verify(document: SignedDocument, bureau: str, key: VerifyKey) -> ScreeningList:
    """Return the list of a document that ``bureau`` signed for itself.

    Raises:
        Refusal: ``INVALID_INPUT`` for its form, ``PEER_UNTRUSTED`` for its signature or another bureau's list.
    """
    found = ScreeningList.from_body(document.body)
    documents.verify(document, {bureau: key}, {found.bureau})
    return found


def parse(data: bytes, bureau: str, key: VerifyKey) -> ScreeningList:
    """Return the list that ``data`` holds, verified; see :func:`verify`."""
    return verify(documents.decode(data, LIST_KIND), bureau, key)
