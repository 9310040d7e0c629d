"""Tags: 96-bit truncations of OPRF outputs, sorted; what the bureau publishes of its set. README clause 6."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log2

import numpy as np
from numpy.typing import NDArray

from protocols.errors import ParameterError, PeerProtocolError
from protocols.psi.evaluation import evaluate_outputs
from protocols.psi.oprf import OUTPUT_BYTES, Mode
from protocols.randomness import Randomness

TAG_BYTES = 12
MAXIMUM_TAGS = 2**27  # 1.6 GB: a province's enterprises many times over
FALSE_MATCH_LIMIT_LOG2 = -40.0
_SMALLEST_STEP = 1024
_STEPS_PER_OCTAVE = 16
_WORD_BYTES = 8
_PADDING_DRAWS = 4  # more than one only if a random tag falls on another one
# A byte string of fixed width: NumPy compares all twelve bytes, unsigned, the first one first.
TAG = np.dtype(f"S{TAG_BYTES}")


def tag(output: bytes) -> bytes:
    """Return the tag of a 64-byte OPRF output: its first 12 bytes."""
    if len(output) != OUTPUT_BYTES:
        raise ParameterError(f"an OPRF output has {OUTPUT_BYTES} bytes")
    return output[:TAG_BYTES]


def truncate(outputs: NDArray[np.uint8]) -> NDArray[np.bytes_]:
    """Return the tags of outputs (n, 64), dtype S12."""
    if outputs.ndim != 2 or outputs.shape[1] != OUTPUT_BYTES:
        raise ParameterError(f"an OPRF output has {OUTPUT_BYTES} bytes")
    return np.ascontiguousarray(outputs[:, :TAG_BYTES]).view(TAG)[:, 0]


def evaluate_tags(key_secret: bytes, inputs: Sequence[bytes]) -> bytes:
    """Return the tags of ``inputs`` one after the other, in their order.

    Top level and of plain arguments, so that a worker process can run it over one slice of the standing set.
    ``key_secret`` is :meth:`protocols.psi.oprf.OprfKey.export_secret`'s 32 SECRET bytes.
    """
    return truncate(evaluate_outputs(key_secret, inputs, Mode.OPRF)).tobytes()


def false_match_log2(tag_count: int, query_count: int) -> float:
    """Return log2 of the bound on the probability of ANY false match: n * m * 2^-96, the union bound.

    Tags are outputs of a pseudorandom function (or random padding), so a query that is not in the set equals each
    of the n tags with probability 2^-96. Zero counts give minus infinity.
    """
    pairs = tag_count * query_count
    return log2(pairs) - 8 * TAG_BYTES if pairs > 0 else float("-inf")


def check_false_match(tag_count: int, query_count: int) -> None:
    """Return if the bound is at most 2^-40, else raise :class:`ParameterError`."""
    if false_match_log2(tag_count, query_count) > FALSE_MATCH_LIMIT_LOG2:
        raise ParameterError("so many tags and queries make a false match likelier than 2^-40")


def padded_count(count: int) -> int:
    """Return the published number of tags for a set of ``count``: what the bank learns of the set's size.

    ``count`` (at least 1) rounded up to a multiple of max(1024, the largest power of two not above it / 16): the size
    is shown to one part in sixteen, and never finer than 1,024.
    """
    at_least_one = max(count, 1)
    step = max(_SMALLEST_STEP, (1 << (at_least_one.bit_length() - 1)) // _STEPS_PER_OCTAVE)
    padded = -(-at_least_one // step) * step
    if padded > MAXIMUM_TAGS:
        raise ParameterError(f"a standing set has at most {MAXIMUM_TAGS} tags")
    return padded


def ascending(tags: NDArray[np.bytes_]) -> NDArray[np.int64]:
    """Return the places of ``tags``, dtype S12, in ascending order of the tags; of equal ones in any order."""
    characters = np.ascontiguousarray(tags).view(np.uint8).reshape(-1, TAG_BYTES)
    first = np.ascontiguousarray(characters[:, :_WORD_BYTES]).view(">u8")[:, 0].astype(np.uint64)
    order = np.argsort(first)
    # Words sort ten times as fast as strings. Their order is the tags' own, but where two of them are equal.
    if bool((first[order[1:]] == first[order[:-1]]).any()):
        order = np.argsort(tags)
    return order


def distinct(tags: NDArray[np.bytes_]) -> NDArray[np.bytes_]:
    """Return the tags, dtype S12, in ascending order, each once."""
    ordered = tags[ascending(tags)]
    keep = np.ones(len(ordered), np.bool_)
    keep[1:] = ordered[1:] != ordered[:-1]
    return ordered[keep]


class TagSet:
    """Tags in strictly ascending order, possibly memory-mapped; found by binary search."""

    def __init__(self, tags: NDArray[np.bytes_]) -> None:
        """Take an array of dtype S12, checked to be strictly ascending.

        Raises:
            PeerProtocolError: it is not: a peer's tags are sorted and distinct.
        """
        if tags.dtype != TAG or tags.ndim != 1:
            raise ParameterError("tags are a one-dimensional array of twelve-byte strings")
        if not bool(np.all(tags[:-1] < tags[1:])):
            raise PeerProtocolError("tags are not strictly ascending")
        self._tags = tags

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> TagSet:
        """Wrap encoded tags; raises :class:`PeerProtocolError` when they are not whole or not ascending."""
        if len(data) % TAG_BYTES:
            raise PeerProtocolError("tags are truncated or have trailing bytes")
        return cls(np.frombuffer(data, dtype=TAG))

    def __len__(self) -> int:
        return len(self._tags)

    def contains(self, tags: Sequence[bytes]) -> list[bool]:
        """Return for every twelve-byte tag whether it is in the set; O(log n) each."""
        if any(len(one) != TAG_BYTES for one in tags):
            raise ParameterError(f"a tag has {TAG_BYTES} bytes")
        held: list[bool] = self.held(np.frombuffer(b"".join(tags), dtype=TAG)).tolist()
        return held

    def held(self, tags: NDArray[np.bytes_]) -> NDArray[np.bool_]:
        """Return the same for an array of tags, dtype S12."""
        if not len(self._tags):
            return np.zeros(len(tags), np.bool_)
        places = np.minimum(np.searchsorted(self._tags, tags), len(self._tags) - 1)
        return np.equal(self._tags[places], tags)


def publish(slices: Iterable[bytes], count: int, randomness: Randomness) -> bytes:
    """Return the tags to publish, encoded: all of ``slices``, padded with random tags to ``padded_count``, sorted.

    ``count`` is the number of distinct inputs behind ``slices`` (whose order does not matter). A random tag cannot
    be told from a real one without the key.

    Raises:
        ParameterError: the slices do not hold ``count`` tags, or there are more than ``MAXIMUM_TAGS``.
    """
    real = b"".join(slices)
    if len(real) != count * TAG_BYTES:
        raise ParameterError("the slices do not hold one tag per input")
    wanted = padded_count(count)
    tags = distinct(np.frombuffer(real, dtype=TAG))
    for _ in range(_PADDING_DRAWS):
        if len(tags) == wanted:
            break
        padding = np.frombuffer(randomness.bytes((wanted - len(tags)) * TAG_BYTES), dtype=TAG)
        tags = distinct(np.concatenate([tags, padding]))
    if len(tags) != wanted:
        raise ParameterError("the source of randomness repeats itself")
    return tags.tobytes()
