from __future__ import annotations

import pickle

import pytest

from protocols.errors import LocalProtocolError, ParameterError, PeerProtocolError
from protocols.psi.client import OprfClient
from protocols.psi.messages import MAXIMUM_BATCH, EvaluatedBatch
from protocols.psi.oprf import (
    MAXIMUM_INPUT_BYTES,
    OprfKey,
    derive_key_pair,
    evaluate,
    expand_message_xmd,
    hash_to_group,
)
from protocols.psi.server import OprfServer
from protocols.randomness import SeededRandomness

KEY = derive_key_pair(bytes(range(32)), b"a test")


def _client(*inputs: bytes) -> OprfClient:
    return OprfClient(inputs, SeededRandomness(bytes(32)))


def test_a_pair_gives_what_the_keys_holder_computes() -> None:
    inputs = [b"", b"a", b"x" * 200]
    client, server = _client(*inputs), OprfServer(KEY)
    assert server.start() == ()
    (blinded,) = client.start()
    (evaluated,) = server.receive(blinded)
    assert client.receive(evaluated) == ()
    assert client.result() == tuple(evaluate(KEY, data) for data in inputs)
    assert client.result() == client.result()
    assert server.result() == 3


def test_steps_out_of_order_are_refused_and_say_whose_fault_it_is() -> None:
    client, server = _client(b"a"), OprfServer(KEY)
    with pytest.raises(LocalProtocolError):
        server.result()
    with pytest.raises(LocalProtocolError):
        client.result()
    (blinded,) = client.start()
    with pytest.raises(LocalProtocolError):
        client.start()
    with pytest.raises(LocalProtocolError):
        client.result()
    (evaluated,) = server.receive(blinded)
    with pytest.raises(PeerProtocolError):
        server.receive(blinded)
    with pytest.raises(LocalProtocolError):
        server.start()
    client.receive(evaluated)
    with pytest.raises(PeerProtocolError):
        client.receive(evaluated)


def test_an_answer_before_the_question_is_refused() -> None:
    (blinded,) = _client(b"a").start()
    (evaluated,) = OprfServer(KEY).receive(blinded)
    with pytest.raises(PeerProtocolError):
        _client(b"a").receive(evaluated)


@pytest.mark.parametrize("change", [-1, 1])
def test_an_answer_of_another_size_is_refused_and_a_right_one_is_still_taken(change: int) -> None:
    client = _client(b"a", b"b")
    (blinded,) = client.start()
    (right,) = OprfServer(KEY).receive(blinded)
    wrong = EvaluatedBatch((right.elements * 2)[: 2 + change])
    with pytest.raises(PeerProtocolError, match="size"):
        client.receive(wrong)
    client.receive(right)
    assert len(client.result()) == 2


def test_no_inputs_too_many_and_duplicates_are_the_callers_mistake() -> None:
    with pytest.raises(LocalProtocolError, match=r"1\.\.4096"):
        _client()
    with pytest.raises(LocalProtocolError, match=r"1\.\.4096"):
        _client(*(str(index).encode() for index in range(MAXIMUM_BATCH + 1)))
    with pytest.raises(LocalProtocolError, match="twice"):
        _client(b"a", b"b", b"a")
    assert _client(*(str(index).encode() for index in range(MAXIMUM_BATCH))) is not None


def test_an_input_is_bounded() -> None:
    hash_to_group(bytes(MAXIMUM_INPUT_BYTES))
    with pytest.raises(LocalProtocolError):
        hash_to_group(bytes(MAXIMUM_INPUT_BYTES + 1))


def test_another_key_gives_other_outputs() -> None:
    other = derive_key_pair(bytes(range(32)), b"another test")
    assert evaluate(KEY, b"a") != evaluate(other, b"a")


def test_parameters_are_checked() -> None:
    with pytest.raises(ParameterError):
        derive_key_pair(bytes(31), b"")
    with pytest.raises(ParameterError):
        derive_key_pair(bytes(32), bytes(2**16))
    with pytest.raises(ParameterError):
        expand_message_xmd(b"", bytes(256))
    with pytest.raises(ParameterError):
        OprfKey(bytes(32))


def test_a_key_shows_nothing_and_is_not_pickled() -> None:
    assert KEY.export_secret().hex() not in repr(KEY)
    with pytest.raises(TypeError):
        pickle.dumps(KEY)
    client = _client(b"91350100M000100Y43")
    client.start()
    assert "91350100M000100Y43" not in repr(client)
