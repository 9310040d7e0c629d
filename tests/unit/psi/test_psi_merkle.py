from __future__ import annotations

import hashlib

import pytest

from protocols.errors import ParameterError, PeerProtocolError
from protocols.psi import merkle
from tests.support import psi_commitment_reference as reference


def _leaves(count: int) -> list[bytes]:
    return [hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(count)]


@pytest.mark.parametrize("count", [*range(1, 131), 4096, 4097])
def test_the_root_is_the_plain_references_and_every_leaf_is_proven(count: int) -> None:
    leaves = _leaves(count)
    joined = b"".join(leaves)
    root = merkle.root(joined)
    assert root == reference.tree(leaves)
    places = range(count) if count <= 130 else (0, 1, 63, 64, count // 2, count - 2, count - 1)
    for place in places:
        proof = merkle.prove(joined, place)
        merkle.verify(root, count, place, leaves[place], proof)
        with pytest.raises(PeerProtocolError):
            merkle.verify(root, count, place, leaves[place][::-1], proof)
        with pytest.raises(PeerProtocolError):
            merkle.verify(root[::-1], count, place, leaves[place], proof)


@pytest.mark.parametrize("count", [2, 64, 65, 130, 4097])
def test_a_leaf_is_proven_at_its_own_place_and_in_a_tree_of_its_own_size_alone(count: int) -> None:
    leaves = _leaves(count)
    joined = b"".join(leaves)
    root = merkle.root(joined)
    place = count - 1  # stands in the last group, which another size makes another
    proof = merkle.prove(joined, place)
    for other in {place - 1, place - 64, 0} - {place}:
        with pytest.raises(PeerProtocolError):
            merkle.verify(root, count, other, leaves[place], proof)
    for size in (count + 1, 2 * count, 64 * count):
        with pytest.raises(PeerProtocolError):
            merkle.verify(root, size, place, leaves[place], proof)
    for outside in (-1, count, count + 64):
        with pytest.raises(PeerProtocolError, match="outside"):
            merkle.verify(root, count, outside, leaves[place], proof)


def test_trees_of_other_sizes_have_other_roots() -> None:
    roots = {merkle.root(b"".join(_leaves(count))) for count in range(1, 131)}
    assert len(roots) == 130


def test_every_changed_byte_of_a_proof_is_refused() -> None:
    leaves = _leaves(65)
    joined = b"".join(leaves)
    root, proof = merkle.root(joined), merkle.prove(joined, 3)
    assert [len(level) for level in proof] == [64 * 32, 2 * 32]
    for number, level in enumerate(proof):
        for place in range(0, len(level), 7):
            changed = bytearray(level)
            changed[place] ^= 1
            forged = (*proof[:number], bytes(changed), *proof[number + 1 :])
            with pytest.raises(PeerProtocolError):
                merkle.verify(root, 65, 3, leaves[3], forged)


def test_a_proof_with_levels_or_children_too_few_or_too_many_is_refused() -> None:
    leaves = _leaves(65)
    joined = b"".join(leaves)
    root, proof = merkle.root(joined), merkle.prove(joined, 64)
    forgeries = [(), proof[:1], proof[1:], (*proof, root), (proof[0] + bytes(32), proof[1]), (proof[0], proof[1][:-1])]
    for forged in forgeries:
        with pytest.raises(PeerProtocolError):
            merkle.verify(root, 65, 64, leaves[64], forged)


def test_a_node_does_not_pass_for_a_leaf() -> None:
    leaves = _leaves(130)
    joined = b"".join(leaves)
    root = merkle.root(joined)
    nodes = merkle.prove(joined, 0)[-1]
    for place in range(3):
        node = nodes[32 * place : 32 * (place + 1)]
        merkle.verify(root, 3, place, node, (nodes,))  # it would, were the number of leaves not bound
        with pytest.raises(PeerProtocolError):
            merkle.verify(root, 130, place, node, (nodes,))
    # The bytes before what is hashed differ: a node's children are no leaf's 54 bytes, whatever their length.
    assert merkle.root(joined[:64]) == hashlib.sha256(b"\x01" + joined[:64]).digest()


@pytest.mark.parametrize("length", [0, 31, 33, 63])
def test_no_leaf_or_a_part_of_one_is_refused(length: int) -> None:
    with pytest.raises(ParameterError, match="at least one leaf"):
        merkle.root(bytes(length))
