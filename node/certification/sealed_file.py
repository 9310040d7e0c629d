"""A large file for one reader: encrypted in segments, so that neither side ever holds more than one of them.

A fresh 32-byte file key is wrapped to the reader's public key (:mod:`protocols.primitives.public_encryption`); the
content goes in segments of 1 MiB under AES-256-GCM with the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár,
eprint 2015/189): the nonce is a random prefix of 7 bytes, the segment's number (4) and a flag (1) that the last one
alone has, so that segments cannot be dropped, repeated, swapped or cut off unseen.

    magic "banktax-sealed-1" (16) | label, reader: texts | reader's public key (32) | prefix (7) | wrapped key (80)
    segment 0 | segment 1 | ..    1 MiB of content and 16 bytes of tag each, the last one shorter (it may be empty)

Everything before the wrapped key is its context, so a changed head opens nothing. The head is in the clear: for whom
the file is, and as what.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.codes import Code
from node.errors import Refusal
from node.policy.card import PartyCard
from protocols.encoding import Reader, Writer
from protocols.errors import ParameterError, PeerProtocolError
from protocols.primitives.public_encryption import KEY_BYTES, WRAPPING_BYTES, EncryptionKey, wrap
from protocols.randomness import Randomness
from protocols.transcript import bind

MAGIC = b"banktax-sealed-1"
SEGMENT_BYTES = 1 << 20
TAG_BYTES = 16
PREFIX_BYTES = 7
FILE_KEY_BYTES = 32
MAXIMUM_SEGMENTS = 2**32 - 1
_MAXIMUM_TEXT = 64
_WRAPPED_BYTES = FILE_KEY_BYTES + WRAPPING_BYTES


@dataclass(frozen=True)
class SealedHead:
    """What stands in the clear before a sealed file's content."""

    label: str
    """As what it was sealed, for example ``dossier``."""
    reader: str
    """Party id of who can open it."""
    public_key: bytes
    prefix: bytes
    wrapped: bytes

    @property
    def context(self) -> bytes:
        """What the wrapped key is bound to."""
        return bind("sealed-file", self.label.encode(), self.reader.encode(), self.public_key, self.prefix)

    def encode(self) -> bytes:
        """Return the head's bytes."""
        writer = Writer().raw(MAGIC).text(self.label).text(self.reader)
        return writer.fixed(self.public_key, KEY_BYTES).raw(self.prefix).raw(self.wrapped).finish()


def seal(label: str, reader: PartyCard, pieces: Iterable[bytes], randomness: Randomness) -> Iterator[bytes]:
    """Yield a sealed file of ``pieces`` for the party of ``reader``, a segment at a time.

    Raises:
        Refusal: ``INVALID_INPUT``: the card has no encryption key, or one that cannot be used.
    """
    if not reader.encryption_key:
        raise Refusal(
            Code.INVALID_INPUT,
            f"the card of {reader.party_id} has no encryption key",
            remedy="Have the auditor give you a card that this version's banktax init auditor makes, and trust it.",
        )
    public_key = bytes.fromhex(reader.encryption_key)
    file_key, prefix = randomness.bytes(FILE_KEY_BYTES), randomness.bytes(PREFIX_BYTES)
    head = SealedHead(label, reader.party_id, public_key, prefix, b"")
    try:
        wrapped = wrap(file_key, public_key, head.context)
    except ParameterError as fault:
        raise Refusal(Code.INVALID_INPUT, f"the encryption key of {reader.party_id}: {fault}") from None
    yield SealedHead(label, reader.party_id, public_key, prefix, wrapped).encode()
    cipher = AESGCM(file_key)
    segments = _with_last(_segments(pieces))
    for number, (segment, last) in enumerate(segments):
        yield cipher.encrypt(_nonce(prefix, number, last=last), segment, None)


def _segments(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Cut ``pieces`` into segments; one empty segment where there is nothing."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) > SEGMENT_BYTES:
            yield bytes(waiting[:SEGMENT_BYTES])
            del waiting[:SEGMENT_BYTES]
    yield bytes(waiting)


def _with_last(segments: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    held = next(segments)
    for segment in segments:
        yield held, False
        held = segment
    yield held, True


def _nonce(prefix: bytes, number: int, *, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([last])


def read_head(file: BinaryIO) -> SealedHead:
    """Read a sealed file's head; nothing of it is authenticated before the file is opened.

    Raises:
        Refusal: ``INVALID_INPUT``: it is no such file, or ends within the head.
    """
    if file.read(len(MAGIC)) != MAGIC:
        raise Refusal(Code.INVALID_INPUT, "this is no file that banktax model dossier wrote")
    label, reader = _read_text(file), _read_text(file)
    fixed = Reader(_read_exactly(file, KEY_BYTES + PREFIX_BYTES + _WRAPPED_BYTES))
    return SealedHead(label, reader, *(fixed.fixed(size) for size in (KEY_BYTES, PREFIX_BYTES, _WRAPPED_BYTES)))


def _read_text(file: BinaryIO) -> str:
    length = int.from_bytes(_read_exactly(file, 4), "big")
    if length > _MAXIMUM_TEXT:
        raise _damaged()
    try:
        return _read_exactly(file, length).decode("ascii")
    except UnicodeDecodeError:
        raise _damaged() from None


def _read_exactly(file: BinaryIO, length: int) -> bytes:
    data = file.read(length)
    if len(data) != length:
        raise _truncated()
    return data


class SealedReader:
    """Reads the content of a sealed file from its beginning to its end; holds one segment."""

    def __init__(self, file: BinaryIO, label: str, reader: str, key: EncryptionKey) -> None:
        """Read the head and open the file key.

        Raises:
            Refusal: ``INVALID_INPUT``: no such file, one for another reader or of another kind, or a changed head.
        """
        head = read_head(file)
        if head.label != label:
            raise Refusal(Code.INVALID_INPUT, f"this is a sealed {head.label}, not a {label}")
        if head.reader != reader:
            raise Refusal(
                Code.INVALID_INPUT,
                f"this {label} is for {head.reader}, not for {reader}",
                remedy=f"Have the bank write one for {reader}: banktax model dossier MODEL --auditor {reader}.",
            )
        if head.public_key != key.public_key:
            raise Refusal(
                Code.INVALID_INPUT,
                f"this {label} is for another encryption key of {reader}",
                remedy="Have the bank trust the present card of this auditor and write the file again.",
            )
        try:
            file_key = key.unwrap(head.wrapped, head.context)
        except PeerProtocolError:
            raise _damaged() from None
        self._cipher = AESGCM(file_key)
        self._prefix = head.prefix
        self._file = file
        self._number = 0
        self._ahead = file.read(SEGMENT_BYTES + TAG_BYTES)
        self._segment = memoryview(b"")
        self._ended = False

    def read(self, length: int) -> bytes:
        """Return exactly the next ``length`` bytes of the content.

        Raises:
            Refusal: ``INVALID_INPUT``: the file is truncated or was changed.
        """
        parts: list[memoryview] = []
        while length > 0:
            if not self._segment:
                self._next_segment()
                continue
            part, self._segment = self._segment[:length], self._segment[length:]
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def finish(self) -> None:
        """Return if nothing follows.

        Raises:
            Refusal: ``INVALID_INPUT``: something does.
        """
        while not self._segment and not self._ended:
            self._next_segment()
        if self._segment:
            raise Refusal(Code.INVALID_INPUT, "the file goes on where it should end")

    def _next_segment(self) -> None:
        if self._ended:
            raise Refusal(Code.INVALID_INPUT, "the file's content ends too early: it was not written whole")
        data, self._ahead = self._ahead, self._file.read(SEGMENT_BYTES + TAG_BYTES)
        last = not self._ahead
        try:
            content = self._cipher.decrypt(_nonce(self._prefix, self._number, last=last), data, None)
        except InvalidTag:
            raise self._fault(data, last=last) from None
        self._segment, self._ended = memoryview(content), last
        self._number += 1
        if self._number > MAXIMUM_SEGMENTS:
            raise _damaged()

    def _fault(self, data: bytes, *, last: bool) -> Refusal:
        """Say whether a segment that does not open is one that others followed, or a part of one."""
        if last and len(data) < SEGMENT_BYTES + TAG_BYTES:
            return _truncated_or_damaged()
        try:
            self._cipher.decrypt(_nonce(self._prefix, self._number, last=not last), data, None)
        except InvalidTag:
            return _damaged()
        return _truncated() if last else _damaged()


def _truncated() -> Refusal:
    return Refusal(Code.INVALID_INPUT, "the file is truncated", remedy="Have it copied again.")


def _truncated_or_damaged() -> Refusal:
    return Refusal(Code.INVALID_INPUT, "the file is truncated, or its end was changed", remedy="Have it copied again.")


def _damaged() -> Refusal:
    return Refusal(Code.INVALID_INPUT, "the file was changed since it was written", remedy="Have it copied again.")
