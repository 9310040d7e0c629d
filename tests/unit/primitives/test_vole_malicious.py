"""The silent vector OLE against parties that do anything: what is false is caught, and what a guess costs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from protocols.errors import PeerProtocolError
from protocols.primitives.blocks import BLOCK_BYTES, Blocks, encode_blocks, random_blocks
from protocols.primitives.gf128 import scale_reference
from protocols.primitives.oblivious_transfer.ot_extension import MAXIMUM_COUNT
from protocols.primitives.vole.consistency import Challenge, challenge, proof, require_proof, soundness_bits
from protocols.primitives.vole.consistency_kernels import combine_trees
from protocols.primitives.vole.parameters import (
    MAXIMUM_LENGTH,
    SECURITY_BITS,
    STATISTICAL_BITS,
    SecurityProfile,
    VoleParameters,
)
from protocols.primitives.vole.silent import (
    CHALLENGE,
    CORRECTIONS,
    PROOF,
    SilentVoleReceiver,
    SilentVoleSender,
    VoleState,
)
from protocols.randomness import SeededRandomness, derive_seed
from tests.support.vole import Change, run, sides

MALICIOUS = SecurityProfile.MALICIOUS
LENGTH = 300
PARAMETERS = VoleParameters.for_length(LENGTH, MALICIOUS)


def machines(seed: bytes = b"seed", length: int = LENGTH) -> tuple[SilentVoleReceiver, SilentVoleSender]:
    return sides(length, seed, security=MALICIOUS)


def randomness(name: str) -> SeededRandomness:
    return SeededRandomness(derive_seed(b"check", name))


@pytest.mark.parametrize("length", [1, 2, 1105, 1106, 1107, 4427, 50_001])
def test_c_is_a_delta_plus_b(length: int) -> None:
    receiver, sender = machines(length=length)
    run(receiver, sender)
    both, b = receiver.outcome(), sender.outcome()
    assert both is not None
    assert b is not None
    a, c = both
    assert a.shape == b.shape == c.shape == (length, 2)
    assert (c == scale_reference(a, sender.delta) ^ b).all()
    assert abs(np.unpackbits(a.view(np.uint8)).mean() - 0.5) < 5 * 0.5 / (length * 128) ** 0.5


# ---- parameters


@pytest.mark.parametrize(
    "length", [1, 100, 4_428, 4_429, 2**20, 1_376_296, 22_115_368, MAXIMUM_LENGTH - 1, MAXIMUM_LENGTH]
)
def test_every_path_of_a_tree_ends_at_a_leaf(length: int) -> None:
    """A path that left a tree that is cut off would show its receiver Δ: it would know the sum of all leaves."""
    parameters = VoleParameters.for_length(length, MALICIOUS)
    assert parameters.leaves == 2**parameters.depth
    assert [parameters.width(level) for level in (1, parameters.depth)] == [2, parameters.leaves]
    assert parameters.noise_length >= 2 * length
    assert parameters.transfers <= MAXIMUM_COUNT


@pytest.mark.parametrize("length", [1, 2**20, MAXIMUM_LENGTH])
def test_noise_is_left_over_for_what_a_guess_may_tell(length: int) -> None:
    assert VoleParameters.for_length(length, MALICIOUS).bias_bits >= SECURITY_BITS + STATISTICAL_BITS


def test_the_check_is_sound_but_with_two_to_the_minus_lambda() -> None:
    assert soundness_bits() >= STATISTICAL_BITS


def test_the_profile_of_the_curious_is_as_it_was() -> None:
    assert VoleParameters.for_length(2**20) == VoleParameters(2**20, 843, 2488)


# ---- the sums


def test_the_compiled_sum_is_the_defined_one() -> None:
    rows, weights = random_blocks(5 * 300, randomness("rows")).reshape(5, 600), random_blocks(5, randomness("weights"))
    out = np.empty(600, np.uint64)
    combine_trees(rows, weights, out)
    expected = np.zeros((300, 2), np.uint64)
    for row, weight in zip(rows, weights, strict=True):
        expected ^= scale_reference(row.reshape(-1, 2), weight)
    assert (out.reshape(-1, 2) == expected).all()


FEW = VoleParameters(64, 20, 8, MALICIOUS)


def dealt(tree: int | None = None, place: int = 0) -> tuple[bytes, bytes]:
    """Return what a receiver expects and what a sender proves of noise with an error at one position, or none."""
    source = randomness("dealt")
    delta, mask, product = random_blocks(3, source)
    noise = np.zeros((FEW.trees, FEW.leaves, 4), np.uint64)
    leaves = random_blocks(FEW.trees * FEW.leaves, source).reshape(FEW.trees, FEW.leaves, 2)
    noise[:, 3, :2] = random_blocks(FEW.trees, source)
    noise[:, :, 2:] = leaves ^ scale_reference(noise[:, :, :2].reshape(-1, 2), delta).reshape(leaves.shape)
    if tree is not None:
        noise[tree, place, 2] ^= np.uint64(1)
    own = product ^ scale_reference(mask.reshape(1, 2), delta)[0]
    asked, expected = challenge(noise, mask, own, FEW, b"run", source)
    return expected, proof(Challenge.decode(asked.encode()), leaves, product, delta, FEW, b"run")


def test_an_error_at_any_position_of_any_tree_is_seen() -> None:
    require_proof(*dealt())
    for tree in range(FEW.trees):
        for place in range(FEW.leaves):
            with pytest.raises(PeerProtocolError, match="check of the vector OLE failed"):
                require_proof(*dealt(tree, place))


# ---- deviations


def block(number: int) -> Change:
    """Return a change of one block of the corrections."""
    return blocks(number)


def blocks(*numbers: int) -> Change:
    """Return a change of some blocks of the corrections."""

    def change(side: str, _number: int, message: bytes) -> bytes:
        if side != "sender" or message[:1] != CORRECTIONS:
            return message
        changed = bytearray(message)
        for number in numbers:
            changed[1 + BLOCK_BYTES * number] ^= 1
        return bytes(changed)

    return change


def caught(change: Change, seed: bytes = b"seed") -> SilentVoleReceiver:
    """Run into a refusal that says nothing but that there is one; nothing is left to be used."""
    receiver, sender = machines(seed)
    with pytest.raises(PeerProtocolError) as error:
        run(receiver, sender, change)
    assert str(error.value) == "the check of the vector OLE failed"
    assert receiver.outcome() is None
    assert receiver._state is VoleState.BROKEN
    with pytest.raises(PeerProtocolError):
        receiver.receive(PROOF + bytes(32))
    return receiver


TREES = (0, 1, 2, PARAMETERS.trees // 2, PARAMETERS.trees - 1)


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("level", range(PARAMETERS.depth))
def test_sums_that_are_false_on_both_sides_are_caught(tree: int, level: int) -> None:
    first = 2 * (tree * PARAMETERS.depth + level)
    caught(blocks(first, first + 1))


@pytest.mark.parametrize("tree", TREES)
def test_a_false_last_correction_is_caught(tree: int) -> None:
    caught(block(2 * PARAMETERS.trees * PARAMETERS.depth + tree))


@pytest.mark.parametrize("level", range(PARAMETERS.depth))
def test_one_false_sum_is_a_guess_at_one_bit_and_is_caught_where_it_is_wrong(level: int) -> None:
    """The leakage that README clause 8.3 allows: a guess that is right changes nothing, not even the outcome."""
    outcomes = []
    for number in range(8):
        seed = number.to_bytes(1, "big")
        for side in (0, 1):
            receiver, sender = machines(seed)
            opened = ~(int(receiver._positions[0]) >> (PARAMETERS.depth - 1 - level)) & 1
            wrong = block(2 * level + side)
            outcomes.append(opened == side)
            if opened == side:
                caught(wrong, seed)
                continue
            run(receiver, sender, wrong)
            untouched, _ = machines(seed)
            run(untouched, machines(seed)[1])
            assert all((one == other).all() for one, other in zip(found(receiver), found(untouched), strict=True))
    assert sum(outcomes) == 8


def found(receiver: SilentVoleReceiver) -> tuple[Blocks, Blocks]:
    both = receiver.outcome()
    assert both is not None
    return both


@pytest.mark.parametrize("place", [1, 32, 33, 48], ids=["seed", "end of the seed", "masked sum", "end of it"])
def test_a_challenge_that_was_changed(place: int) -> None:
    def change(side: str, _number: int, message: bytes) -> bytes:
        return flipped(message, place) if (side, message[:1]) == ("receiver", CHALLENGE) else message

    caught(change)


@pytest.mark.parametrize("place", [1, 32])
def test_a_proof_that_was_changed(place: int) -> None:
    def change(side: str, _number: int, message: bytes) -> bytes:
        return flipped(message, place) if (side, message[:1]) == ("sender", PROOF) else message

    caught(change)


def flipped(message: bytes, place: int) -> bytes:
    return message[:place] + bytes([message[place] ^ 1]) + message[place + 1 :]


def test_a_proof_shows_nothing_but_a_hash() -> None:
    """Whoever masks something else must not get the sum itself: it would differ by a known multiple of Δ."""
    receiver, sender = machines()
    messages = run(receiver, sender)
    assert [(side, len(message)) for side, message in messages[-2:]] == [("receiver", 49), ("sender", 33)]
    assert encode_blocks(sender.delta.reshape(1, 2)) not in messages[-1][1]


# ---- messages of the check


@pytest.mark.parametrize(("side", "kind"), [("receiver", CHALLENGE), ("sender", PROOF)])
@pytest.mark.parametrize(
    "cut", [lambda message: message[:-1], lambda message: message + b"\x00"], ids=["cut", "longer"]
)
def test_a_message_of_the_check_of_another_length(side: str, kind: bytes, cut: Callable[[bytes], bytes]) -> None:
    def change(who: str, _number: int, message: bytes) -> bytes:
        return cut(message) if (who, message[:1]) == (side, kind) else message

    with pytest.raises(PeerProtocolError):
        run(*machines(), change)


def test_nothing_of_the_check_is_taken_twice_too_early_or_in_the_other_profile() -> None:
    receiver, sender = machines()
    carried = [message for _, message in run(receiver, sender)]
    asked, shown = carried[-2:]
    refuse(receiver, sender, shown, asked)
    for others in (machines(), sides(LENGTH)):
        others[0].start()
        others[1].start()
        refuse(*others, shown, asked)
    curious = sides(LENGTH)
    run(*curious)
    refuse(*curious, shown, asked)


def refuse(receiver: SilentVoleReceiver, sender: SilentVoleSender, shown: bytes, asked: bytes) -> None:
    with pytest.raises(PeerProtocolError):
        receiver.receive(shown)
    with pytest.raises(PeerProtocolError):
        sender.receive(asked)


def test_sides_of_different_profiles_do_not_fit() -> None:
    for pair in ((machines()[0], sides(LENGTH)[1]), (sides(LENGTH)[0], machines()[1])):
        with pytest.raises(PeerProtocolError):
            run(*pair)
