"""The dossier: everything about one model that an auditor needs to make it again, from the bank for that auditor alone.

A sealed file (:mod:`node.certification.sealed_file`, label ``dossier``) whose content is, in this order:

    header          signed document of kind "dossier" (blob): who, what, and the digests of all that follows
    catalogue       the bureau's signed catalogue (blob)
    agreements      one byte how many, then the signed agreements (blobs)
    scorecard       the bank's model file, points included (blob)
    master seed     32 bytes: key and every ciphertext follow from it (protocols/scoring/README.md §6)
    encrypted model public key and ciphertexts in their canonical form, to the end

A blob is a length of four bytes and as many bytes. SECRET: who reads a dossier has the model and its key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, BinaryIO

from pydantic import AfterValidator, Field, StringConstraints

from node.certification.sealed_file import SealedReader, seal
from node.codes import Code, Engine
from node.errors import Refusal
from node.jobs.model_description import ModelDescription
from node.policy import documents
from node.policy.admission import Moment
from node.policy.card import PartyCard
from node.policy.documents import MAXIMUM_DOCUMENT_BYTES, SignedDocument
from node.policy.shapes import Hex32, PartyId, PolicyModel, require_distinct
from node.scorecards.format import MAXIMUM_FILE_BYTES
from protocols.encoding import Reader, Writer
from protocols.primitives.public_encryption import EncryptionKey
from protocols.primitives.signing import SigningKey, VerifyKey
from protocols.randomness import SEED_BYTES, Randomness
from protocols.scoring.engine import encoded_model_bytes
from protocols.scoring.engines import ENGINES
from protocols.scoring.wire import MAX_PROFILE_BYTES, WireFormat, wire_format

DOSSIER_KIND = "dossier"
DOSSIER_LABEL = "dossier"
MAXIMUM_AGREEMENTS = 16
MAXIMUM_DESCRIPTION_BYTES = 1 << 20


class DossierHeader(PolicyModel):
    """What the bank signs of a dossier; no secret."""

    bank: PartyId
    auditor: PartyId
    bureaus: Annotated[tuple[PartyId, ...], Field(min_length=1, max_length=16), AfterValidator(require_distinct)]
    engine: Engine
    profile: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,32}$")]
    model_id: Hex32
    description: Annotated[str, StringConstraints(max_length=MAXIMUM_DESCRIPTION_BYTES)] = Field(
        description="what the bank registers at the bureau (JSON)"
    )
    predecessor: Annotated[str, StringConstraints(pattern=r"^(?:[0-9a-f]{64})?$")] = Field(
        default="", description="model id of the version that this one supersedes, where there is one"
    )
    engine_library_sha256: Hex32 = Field(description="the engine library that the bank made it with")
    scorecard_sha256: Hex32
    catalogue_digest: Hex32
    agreement_digests: Annotated[tuple[Hex32, ...], Field(min_length=1, max_length=MAXIMUM_AGREEMENTS)]
    made_at: Moment


@dataclass(frozen=True, repr=False)
class DossierContent:
    """What a bank puts into a dossier, the encrypted model aside; SECRET."""

    header: DossierHeader
    catalogue: bytes
    agreements: tuple[bytes, ...]
    scorecard: bytes
    master: bytes

    @property
    def description(self) -> ModelDescription:
        """What the bank registers at the bureau.

        Raises:
            Refusal: ``INVALID_INPUT``: it is no description.
        """
        try:
            found = ModelDescription.from_json(self.header.description.encode())
            if found.to_json().decode() == self.header.description:
                return found
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            pass
        raise _invalid("description: it is no model's description in its canonical form")

    def __repr__(self) -> str:
        return f"DossierContent({self.header.model_id[:12]}, <redacted>)"

    def __reduce__(self) -> str:
        raise TypeError("a dossier's content cannot be pickled")


def write(
    content: DossierContent,
    encrypted: Iterable[bytes],
    auditor: PartyCard,
    key: SigningKey,
    randomness: Randomness,
) -> Iterator[bytes]:
    """Yield the file of a dossier in pieces.

    Args:
        content: everything but the ciphertexts.
        encrypted: the encrypted model's canonical encoding, in pieces.
        auditor: the card of who may read it.
        key: the bank's signing key.
        randomness: for the file key.

    Raises:
        Refusal: ``INVALID_INPUT``: the card is of no auditor.
    """
    header = documents.sign(DOSSIER_KIND, content.header.to_body(), key, content.header.bank).encode()
    head = Writer().blob(header).blob(content.catalogue).uint(len(content.agreements), 1)
    for agreement in content.agreements:
        head.blob(agreement)
    head.blob(content.scorecard).fixed(content.master, SEED_BYTES)
    return seal(DOSSIER_LABEL, auditor, _chained(head.finish(), encrypted), randomness)


def _chained(first: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


class DossierReader:
    """Reads a dossier from its beginning: the content at once, the ciphertexts one by one."""

    def __init__(self, file: BinaryIO, auditor: str, key: EncryptionKey, bank_key: Callable[[str], VerifyKey]) -> None:
        """Open a dossier and read its content.

        Args:
            file: the sealed file.
            auditor: who reads.
            key: what opens it.
            bank_key: gives a trusted bank's verification key; refuses any other party.

        Raises:
            Refusal: ``INVALID_INPUT`` for its form, a truncated or changed file, one for another auditor;
                ``PROFILE_UNKNOWN``: not the engine's; ``PEER_UNTRUSTED``: not signed by a bank that is trusted here.
        """
        self._source = SealedReader(file, DOSSIER_LABEL, auditor, key)
        document = documents.decode(self._blob(MAXIMUM_DOCUMENT_BYTES, "header"), DOSSIER_KIND)
        header = _verified_header(document, auditor, bank_key)
        self.digest = document.digest.hex()
        """What this dossier is called: the digest of its header, and through it of everything in it."""
        catalogue = self._blob(MAXIMUM_DOCUMENT_BYTES, "catalogue")
        count = self._source.read(1)[0]
        if count != len(header.agreement_digests):
            raise _invalid("agreements: their number is not the header's")
        agreements = tuple(self._blob(MAXIMUM_DOCUMENT_BYTES, "agreement") for _ in range(count))
        scorecard = self._blob(MAXIMUM_FILE_BYTES, "scorecard")
        self.content = DossierContent(header, catalogue, agreements, scorecard, self._source.read(SEED_BYTES))
        if hashlib.sha256(scorecard).hexdigest() != header.scorecard_sha256:
            raise _invalid("scorecard: it is not the one that the bank signed")

    def public_key_and_count(self) -> tuple[bytes, int]:
        """Read on to the first ciphertext: return the public key and the number of ciphertexts.

        Raises:
            Refusal: ``INVALID_INPUT``: another profile than the header's, or a size that does not fit.
        """
        profile = self._blob(MAX_PROFILE_BYTES, "profile")
        if profile != self.content.header.profile.encode():
            raise _invalid("the encrypted model has another profile than the header says")
        count = int.from_bytes(self._source.read(4), "big")
        if self.content.description.encrypted_bytes != encoded_model_bytes(self.content.header.profile, count):
            raise _invalid("the encrypted model has another size than its description says")
        return self._source.read(self._wire.public_key_bytes), count

    def ciphertexts(self, count: int) -> Iterator[bytes]:
        """Yield the ciphertexts, then check that nothing follows them."""
        for _ in range(count):
            yield self._source.read(self._wire.ciphertext_bytes)
        self._source.finish()

    @property
    def _wire(self) -> WireFormat:
        return wire_format(self.content.header.profile)

    def _blob(self, maximum: int, what: str) -> bytes:
        length = Reader(self._source.read(4)).uint(4, 2**32 - 1)
        if length > maximum:
            raise _invalid(f"{what}: it is longer than {maximum} bytes")
        return self._source.read(length)


def _verified_header(document: SignedDocument, auditor: str, bank_key: Callable[[str], VerifyKey]) -> DossierHeader:
    header = DossierHeader.from_body(document.body)
    documents.verify(document, {header.bank: bank_key(header.bank)}, {header.bank})
    if header.auditor != auditor:
        raise _invalid(f"auditor: the bank made this dossier for {header.auditor}")
    if header.profile != ENGINES[header.engine].profile:
        raise Refusal(Code.PROFILE_UNKNOWN, f"dossier: profile {header.profile} is not that of engine {header.engine}")
    return header


def _invalid(detail: str) -> Refusal:
    return Refusal(Code.INVALID_INPUT, f"dossier: {detail}")
