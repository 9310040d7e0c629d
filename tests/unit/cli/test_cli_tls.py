"""``banktax tls renew``: the new card names both certificates, and the running node can still be called."""

from __future__ import annotations

from pathlib import Path

from node.policy import card as cards
from tests.support.cli import banktax
from tests.support.control_server import Script, make_node, running_control


def fingerprints(directory: Path) -> tuple[str, ...]:
    card = banktax("party", "card", "--dir", directory)
    assert card.exit_code == 0, card.stderr
    return cards.parse(card.stdout.encode()).certificate_fingerprints


def test_the_card_names_the_new_certificate_first_and_one_former(tmp_path: Path) -> None:
    node = make_node(tmp_path / "bank")
    for _ in range(2):
        former = fingerprints(node)[0]
        renewed = banktax("tls", "renew", "--dir", node)
        assert renewed.exit_code == 0, renewed.stderr
        assert fingerprints(node) == (renewed.stdout.strip(), former)
        assert "banktax party card" in renewed.stderr


def test_a_node_that_still_shows_the_former_certificate_can_be_called(tmp_path: Path) -> None:
    node = make_node(tmp_path / "bank")
    with running_control(node, Script()):
        assert banktax("tls", "renew", "--dir", node).exit_code == 0
        status = banktax("status", "--dir", node)
        assert status.exit_code == 0, status.stderr
    with running_control(node, Script()):
        assert banktax("status", "--dir", node).exit_code == 0


def test_without_the_node_key_nothing_changes(tmp_path: Path) -> None:
    node = make_node(tmp_path / "bank")
    key = node / "keys" / "node.key"
    kept, certificate = key.read_bytes(), (node / "keys" / "tls.crt").read_bytes()
    key.unlink()
    assert banktax("tls", "renew", "--dir", node).exit_code == 5
    key.write_bytes(kept)
    key.chmod(0o600)
    assert (node / "keys" / "tls.crt").read_bytes() == certificate
    assert len(fingerprints(node)) == 1
