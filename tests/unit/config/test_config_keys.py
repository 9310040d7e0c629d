"""Sealing: what opens and what does not, under key file and passphrase."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from node.clock import system_clock
from node.codes import Code, Role
from node.errors import Refusal
from node.initialise import NewNode, add_operator, initialise, renew_tls
from node.keys import SCRYPT_LOG2_N, NodeKeys, Sealer, load_keys, open_sealer, unwrap, wrap
from node.rpc.certificates import Usage, check, parse, server_name_of
from node.rpc.tls import check_own
from protocols.randomness import SeededRandomness, SystemRandomness

RANDOMNESS = SystemRandomness()
PASSPHRASE = "correct horse battery"
QUICK = 10


def make(directory: Path, role: Role = Role.BUREAU, **more: str) -> Path:
    node = NewNode(role, "party", "名", "Name", **more)
    initialise(directory, node, randomness=RANDOMNESS, clock=system_clock)
    return directory


def unavailable(action: object) -> str:
    with pytest.raises(Refusal) as caught:
        action()  # type: ignore[operator]
    assert caught.value.code is Code.KEY_UNAVAILABLE
    return caught.value.detail


def test_what_is_sealed_opens_under_its_label_alone() -> None:
    sealer = Sealer(bytes(32), RANDOMNESS)
    sealed = sealer.seal(b"secret", "a label")
    assert sealer.open(sealed, "a label") == b"secret"
    assert len(sealed) == len(b"secret") + 29
    assert b"secret" not in sealed
    unavailable(lambda: sealer.open(sealed, "another label"))
    unavailable(lambda: Sealer(b"\1" * 32, RANDOMNESS).open(sealed, "a label"))


def test_every_changed_byte_is_noticed() -> None:
    sealer = Sealer(bytes(32), RANDOMNESS)
    sealed = sealer.seal(b"secret", "label")
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        unavailable(lambda changed=changed: sealer.open(bytes(changed), "label"))
    for length in (0, 1, 12, len(sealed) - 1):
        unavailable(lambda length=length: sealer.open(sealed[:length], "label"))


def test_a_nonce_is_never_used_twice() -> None:
    sealer = Sealer(bytes(32), SeededRandomness(bytes(32)))
    assert sealer.seal(b"secret", "label")[1:13] != sealer.seal(b"secret", "label")[1:13]


def test_a_wrapped_key_opens_under_its_passphrase_alone() -> None:
    wrapped = wrap(bytes(range(32)), PASSPHRASE, RANDOMNESS, QUICK)
    assert unwrap(wrapped, PASSPHRASE) == bytes(range(32))
    assert "passphrase" in unavailable(lambda: unwrap(wrapped, PASSPHRASE + "!"))
    for position in (0, 1, 2, 3, 5, 25, len(wrapped) - 1):
        changed = bytearray(wrapped)
        changed[position] ^= 1
        unavailable(lambda changed=changed: unwrap(bytes(changed), PASSPHRASE))
    unavailable(lambda: unwrap(wrapped + b"\0", PASSPHRASE))
    unavailable(lambda: unwrap(wrapped[:-1], PASSPHRASE))


def test_a_forged_header_costs_no_memory() -> None:
    """2^63 would ask for a great deal; it is refused before scrypt runs."""
    wrapped = bytearray(wrap(bytes(32), PASSPHRASE, RANDOMNESS, QUICK))
    wrapped[1] = 63
    unavailable(lambda: unwrap(bytes(wrapped), PASSPHRASE))


def test_the_parameters_of_scrypt_stand_in_the_header() -> None:
    assert SCRYPT_LOG2_N == 17
    assert wrap(bytes(32), PASSPHRASE, RANDOMNESS, QUICK)[:4] == bytes([1, QUICK, 8, 1])


def test_a_short_passphrase_is_refused(tmp_path: Path) -> None:
    assert "12" in unavailable(lambda: make(tmp_path / "node", passphrase="short"))
    assert not (tmp_path / "node").exists()


@pytest.mark.parametrize("secret", [Sealer(bytes(32), RANDOMNESS)])
def test_a_sealer_is_opaque(secret: Sealer) -> None:
    assert repr(secret) == "Sealer(<redacted>)"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_a_node_with_a_key_file(tmp_path: Path) -> None:
    node = make(tmp_path / "node")
    keys = load_keys(node, open_sealer(node, RANDOMNESS, {}))
    check_own(keys.tls, (Usage.SERVER, Usage.CLIENT), system_clock())
    assert server_name_of(parse(keys.tls.certificate_pem)) == "party.banktax.internal"
    assert keys.certificates == (keys.tls.certificate_pem.decode(),)
    assert repr(keys) == "NodeKeys(<redacted>)"
    for secret in ("keys/node.key", "keys/signing.key.sealed", "keys/tls.key.sealed", "operator/operator.key"):
        assert (node / secret).stat().st_mode & 0o077 == 0
    assert b"PRIVATE" not in (node / "keys/tls.key.sealed").read_bytes()


def test_a_node_with_a_passphrase(tmp_path: Path) -> None:
    node = make(tmp_path / "node", passphrase=PASSPHRASE)
    assert not (node / "keys/node.key").exists()
    load_keys(node, open_sealer(node, RANDOMNESS, {"BANKTAX_PASSPHRASE": PASSPHRASE}))
    unavailable(lambda: open_sealer(node, RANDOMNESS, {"BANKTAX_PASSPHRASE": "wrong passphrase"}))
    assert "BANKTAX_PASSPHRASE" in unavailable(lambda: open_sealer(node, RANDOMNESS, {}))


def test_a_key_file_kept_elsewhere(tmp_path: Path) -> None:
    node = make(tmp_path / "node")
    elsewhere = (node / "keys/node.key").rename(tmp_path / "elsewhere.key")
    environment = {"BANKTAX_KEY_FILE": str(elsewhere)}
    load_keys(node, open_sealer(node, RANDOMNESS, environment))
    assert "cannot be read" in unavailable(lambda: open_sealer(node, RANDOMNESS, {}))
    elsewhere.chmod(0o644)
    assert "0600" in unavailable(lambda: open_sealer(node, RANDOMNESS, environment))
    elsewhere.chmod(0o600)
    elsewhere.write_bytes(bytes(31))
    assert "32" in unavailable(lambda: open_sealer(node, RANDOMNESS, environment))
    elsewhere.write_bytes(bytes(32))
    sealer = open_sealer(node, RANDOMNESS, environment)
    unavailable(lambda: load_keys(node, sealer))


def test_sealed_keys_cannot_change_places(tmp_path: Path) -> None:
    node = make(tmp_path / "node")
    (node / "keys/tls.key.sealed").replace(node / "keys/signing.key.sealed")
    unavailable(lambda: load_keys(node, open_sealer(node, RANDOMNESS, {})))


@pytest.mark.parametrize("role", list(Role))
def test_every_role_can_be_made(tmp_path: Path, role: Role) -> None:
    node = make(tmp_path / "node", role)
    assert isinstance(load_keys(node, open_sealer(node, RANDOMNESS, {})), NodeKeys)
    assert (node / "operator/operator.crt").exists() == (role is not Role.AUDITOR)


def test_an_existing_node_is_never_touched(tmp_path: Path) -> None:
    node = make(tmp_path / "node")
    before = (node / "keys/node.key").read_bytes()
    with pytest.raises(Refusal, match="not empty") as caught:
        make(node)
    assert caught.value.code is Code.INVALID_INPUT
    assert (node / "keys/node.key").read_bytes() == before


@pytest.mark.parametrize("party_id", ["", "Bank", "bank_1", "-bank", "bank-", "b" * 64, "bank\n", 'b"k', "../b"])
def test_a_malformed_id_makes_nothing(tmp_path: Path, party_id: str) -> None:
    node = NewNode(Role.BANK, party_id, "名", "Name")
    with pytest.raises(Refusal, match=r"node\.id") as caught:
        initialise(tmp_path / "node", node, randomness=RANDOMNESS, clock=system_clock)
    assert caught.value.code is Code.CONFIG_INVALID
    assert list(tmp_path.iterdir()) == []


def test_more_operators(tmp_path: Path) -> None:
    node = make(tmp_path / "node")
    certificate = add_operator(node, "night-shift", randomness=RANDOMNESS, now_ms=system_clock())
    check(parse(certificate.read_bytes()), Usage.CLIENT, system_clock())
    for name in ("night-shift", "../up", "", "Upper"):
        with pytest.raises(Refusal) as caught:
            add_operator(node, name, randomness=RANDOMNESS, now_ms=system_clock())
        assert caught.value.code is Code.INVALID_INPUT


def test_a_renewed_certificate_overlaps_the_former(tmp_path: Path) -> None:
    node = make(tmp_path / "node")
    sealer = open_sealer(node, RANDOMNESS, {})
    former = load_keys(node, sealer)
    renew_tls(node, "party", sealer, randomness=RANDOMNESS, now_ms=system_clock())
    renewed = load_keys(node, sealer)
    assert renewed.certificates == (renewed.tls.certificate_pem.decode(), *former.certificates)
    assert renewed.tls.certificate_pem != former.tls.certificate_pem
    check_own(renewed.tls, (Usage.SERVER, Usage.CLIENT), system_clock())
    assert parse(renewed.tls.certificate_pem).subject != parse(former.tls.certificate_pem).subject
