"""Signed JSON documents: cards, catalogues, agreements. One body, one canonical form, any number of signatures.

A signature is made over ``bind("document", kind, canonical body)``, so a signature under one kind is worth nothing
under another, and white space or the order of members never matters. A second party adds its signature to the same
body later; nothing that was signed can be changed without every signature failing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from node.codes import Code
from node.errors import Refusal
from node.policy.shapes import Hex32, PartyId, PolicyModel
from node.policy.strictjson import JsonFault, canonical, parse_object
from protocols.errors import PeerProtocolError
from protocols.primitives.signing import SigningKey, VerifyKey
from protocols.transcript import bind, digest

MAXIMUM_DOCUMENT_BYTES = 2 << 20
MAXIMUM_SIGNATURES = 8
_LABEL = "document"


class DocumentSignature(PolicyModel):
    """One party's signature over a document: Ed25519, 64 bytes in hexadecimal, and the key's SHA-256."""

    party: PartyId
    key_fingerprint: Hex32
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]


class DocumentEnvelope(PolicyModel):
    """The file form of a signed document; ``body`` follows the schema of its kind."""

    kind: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
    body: dict[str, Any]
    signatures: Annotated[tuple[DocumentSignature, ...], Field(max_length=MAXIMUM_SIGNATURES)]


@dataclass(frozen=True)
class SignedDocument:
    """A document as it is kept and sent; without signatures it is a draft. ``canonical_body`` is RFC 8785."""

    kind: str
    canonical_body: bytes
    signatures: tuple[DocumentSignature, ...] = ()

    @property
    def body(self) -> dict[str, Any]:
        """A fresh copy of the body."""
        body: dict[str, Any] = json.loads(self.canonical_body)
        return body

    @property
    def digest(self) -> bytes:
        """SHA-256 over kind and body, 32 bytes; the same whoever has signed so far."""
        return digest(_LABEL, self.kind.encode(), self.canonical_body)

    @property
    def signers(self) -> frozenset[str]:
        """The parties that a signature names; nothing is verified here."""
        return frozenset(signature.party for signature in self.signatures)

    def encode(self) -> bytes:
        """Return the file form: JSON in UTF-8, indented for people, ending in a line feed."""
        signatures = [signature.to_body() for signature in self.signatures]
        envelope = {"kind": self.kind, "body": self.body, "signatures": signatures}
        return json.dumps(envelope, ensure_ascii=False, indent=2).encode("utf-8") + b"\n"


def draft(kind: str, body: Mapping[str, Any]) -> SignedDocument:
    """Return an unsigned document.

    Raises:
        Refusal: ``INVALID_INPUT``, the body has no canonical form (a float, for example).
    """
    try:
        return SignedDocument(kind, canonical(body))
    except JsonFault as error:
        raise Refusal(Code.INVALID_INPUT, f"{kind}: {error}") from None


def sign(kind: str, body: Mapping[str, Any], key: SigningKey, party_id: str) -> SignedDocument:
    """Return a document that ``party_id`` signed."""
    return add_signature(draft(kind, body), key, party_id)


def add_signature(document: SignedDocument, key: SigningKey, party_id: str) -> SignedDocument:
    """Return the document with one more signature; those that it carries are kept as they are.

    Raises:
        Refusal: ``WRONG_STATE``, this party signed already.
    """
    if party_id in document.signers:
        raise Refusal(Code.WRONG_STATE, f"{party_id} has signed this {document.kind} already")
    signature = DocumentSignature(
        party=party_id,
        key_fingerprint=key.verify_key.fingerprint,
        signature=key.sign(_signed_bytes(document)).hex(),
    )
    return SignedDocument(document.kind, document.canonical_body, (*document.signatures, signature))


def decode(data: bytes, kind: str, *, maximum_bytes: int = MAXIMUM_DOCUMENT_BYTES) -> SignedDocument:
    """Return the document of ``kind`` that a file or message holds; signatures are not verified yet.

    Raises:
        Refusal: ``INVALID_INPUT`` when it is too large, not strict JSON, of another kind or misses a member.
    """
    return _from_envelope(_parse(data, kind, maximum_bytes), kind)


def decode_or_draft(data: bytes, kind: str) -> SignedDocument:
    """Like :func:`decode`, but a bare body counts as a draft: what a person wrote and nobody signed yet."""
    value = _parse(data, kind)
    return _from_envelope(value, kind) if {"body", "signatures"} & value.keys() else draft(kind, value)


def verify(document: SignedDocument, keys: Mapping[str, VerifyKey], required: Set[str]) -> None:
    """Return if every signature verifies under its party's key and every party of ``required`` has signed.

    A signature of a party without a key here is refused too: a signature that nobody can check proves nothing.

    Raises:
        Refusal: ``PEER_UNTRUSTED`` with the party and what is wrong.
    """
    message = _signed_bytes(document)
    for signature in document.signatures:
        _verify_one(document.kind, signature, keys, message)
    if len(document.signers) != len(document.signatures):
        raise Refusal(Code.PEER_UNTRUSTED, f"{document.kind}: a party's signature stands twice")
    if missing := sorted(required - document.signers):
        raise Refusal(
            Code.PEER_UNTRUSTED,
            f"{document.kind}: not signed by {', '.join(missing)}",
            remedy="Have it signed there and import what comes back.",
        )


def _verify_one(kind: str, signature: DocumentSignature, keys: Mapping[str, VerifyKey], message: bytes) -> None:
    key = keys.get(signature.party)
    if key is None:
        raise Refusal(Code.PEER_UNTRUSTED, f"{kind}: signed by {signature.party}, which is not known here")
    if signature.key_fingerprint != key.fingerprint:
        raise Refusal(Code.PEER_UNTRUSTED, f"{kind}: {signature.party} signed with another key than its card's")
    try:
        key.verify(bytes.fromhex(signature.signature), message)
    except PeerProtocolError:
        raise Refusal(Code.PEER_UNTRUSTED, f"{kind}: the signature of {signature.party} does not verify") from None


def _signed_bytes(document: SignedDocument) -> bytes:
    return bind(_LABEL, document.kind.encode(), document.canonical_body)


def _parse(data: bytes, kind: str, maximum_bytes: int = MAXIMUM_DOCUMENT_BYTES) -> dict[str, Any]:
    try:
        return parse_object(data, maximum_bytes)
    except JsonFault as error:
        raise Refusal(Code.INVALID_INPUT, f"{kind}: {error}") from None


def _from_envelope(value: dict[str, Any], kind: str) -> SignedDocument:
    envelope = DocumentEnvelope.from_body(value)
    if envelope.kind != kind:
        raise Refusal(Code.INVALID_INPUT, f"kind: this is a document of kind {envelope.kind}, not {kind}")
    return SignedDocument(kind, canonical(value["body"]), envelope.signatures)
