"""What the bureau hears of an enterprise that it does not hold, or that gave no consent: nothing. Checked on the bytes
that reach it, against the code and everything that is commonly derived from a code.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

import pytest
from sqlalchemy import delete, select

from node.codes import Reason
from node.demo.synthetic import unheld_codes
from node.storage.schema import alignment_epochs, alignment_known
from protocols.psi.oprf import OprfKey, evaluate
from protocols.psi.tags import tag
from tests.support.pair import Pair
from tests.support.sides import BANK


class Enterprises:
    """Four kinds: held or not, with consent or without."""

    def __init__(self, pair: Pair) -> None:
        codes = pair.data.codes
        unheld = unheld_codes(codes, 6)
        self.held_with, self.held_without = codes[:4], codes[4:]
        self.unheld_with, self.unheld_without = unheld[:3], unheld[3:]
        self.revealed = self.held_with
        self.hidden = (*self.held_without, *self.unheld_with, *self.unheld_without)
        self.everyone = (*self.hidden, *self.revealed)
        self.tokens = [pair.signer.sign(code) for code in (*self.held_with, *self.unheld_with)]


@pytest.fixture
def enterprises(pair: Pair) -> Enterprises:
    return Enterprises(pair)


def derived(code: str, key: OprfKey) -> Iterator[bytes]:
    """Yield the code and what a careless programme might send in its place."""
    plain = code.encode("ascii")
    yield from (plain, code.lower().encode(), code.encode("utf-16-le"), plain[::-1], plain[8:17])
    for name in ("md5", "sha1", "sha256", "sha512", "sha3_256", "blake2b"):
        digest = hashlib.new(name, plain).digest()
        yield from (digest[:12], digest.hex()[:24].encode(), base64.b64encode(digest)[:16])
    output = evaluate(key, plain)
    yield from (output[:12], tag(output))


def key_of(pair: Pair) -> OprfKey:
    with pair.bureau.database.read() as connection:
        row = connection.execute(select(alignment_epochs)).one()
    label = f"alignment-key/{BANK}/{bytes(row.epoch_id).hex()}"
    return OprfKey(pair.bureau.sealer.open(bytes(row.sealed_key), label))


def check(pair: Pair, enterprises: Enterprises) -> None:
    heard = b"\n".join(data for _, data in pair.wire.received)
    key = key_of(pair)
    for code in enterprises.hidden:
        for trace in derived(code, key):
            assert trace not in heard, "the bureau was told of an enterprise that it must not hear of"
    for code in enterprises.revealed:
        assert code.encode() in heard


def test_registering_consents_reveals_only_who_is_held(pair: Pair, enterprises: Enterprises) -> None:
    states = [state for state, _ in pair.bank.register(enterprises.tokens)]
    assert states == ["registered"] * 4 + ["not_held"] * 3
    heard = b"".join(data for _, data in pair.wire.received)
    for token in enterprises.tokens[4:]:
        assert not any(part.encode() in heard for part in token.split("."))


def test_a_job_reveals_only_who_is_held_and_consented(pair: Pair, enterprises: Enterprises) -> None:
    pair.bank.register(enterprises.tokens)
    job = pair.bank.run(enterprises.everyone)
    outcome = pair.bank.outcome(job.job_id)
    assert {code: outcome[code] for code in enterprises.held_with} == {
        code: pair.expected[code] for code in enterprises.held_with
    }
    assert {outcome[code] for code in enterprises.unheld_with} == {Reason.NOT_HELD}
    assert {outcome[code] for code in (*enterprises.held_without, *enterprises.unheld_without)} == {Reason.NO_CONSENT}
    check(pair, enterprises)


def test_consents_that_wait_are_presented_by_the_job_and_reveal_no_more(pair: Pair, enterprises: Enterprises) -> None:
    pair.bank.keep(enterprises.tokens)
    pair.bank.run(enterprises.everyone)
    check(pair, enterprises)


def test_single_requests_reveal_no_more(pair: Pair, enterprises: Enterprises) -> None:
    for code, token in zip((*enterprises.held_with, *enterprises.unheld_with), enterprises.tokens, strict=True):
        pair.bank.one(code, consent=token)
    for code in (*enterprises.held_without, *enterprises.unheld_without):
        pair.bank.one(code)
    check(pair, enterprises)


def test_revoking_a_consent_that_the_bureau_never_saw_is_not_told_to_it(pair: Pair, enterprises: Enterprises) -> None:
    token, consent_id = pair.signer.sign_with_id(enterprises.unheld_with[0])
    pair.bank.register([token])
    heard = len(pair.wire.received)
    pair.bank.bank_consents.revoke(consent_id, "asked for", pair.bank.link.revoke_consent)
    assert len(pair.wire.received) == heard


def test_who_is_held_no_longer_is_not_revealed_by_an_old_registration(pair: Pair, enterprises: Enterprises) -> None:
    """The bureau imports a set without an enterprise: a job after that does not name it any more."""
    pair.bank.register(enterprises.tokens)
    gone = enterprises.held_with[0]
    table = pair.bureau.folder / "less.csv"
    pair.data.write_csv(table)
    lines = table.read_text().splitlines()
    table.write_text("\n".join(line for line in lines if gone not in line) + "\n")
    pair.bureau.import_file(table)
    pair.wire.received.clear()
    job = pair.bank.run(enterprises.held_with)
    assert pair.bank.outcome(job.job_id)[gone] == Reason.NOT_HELD
    heard = b"".join(data for _, data in pair.wire.received)
    assert gone.encode() not in heard
    assert enterprises.held_with[1].encode() in heard


def test_a_list_without_consents_is_not_told_to_the_bureau_at_all(pair: Pair, enterprises: Enterprises) -> None:
    pair.wire.received.clear()
    job = pair.bank.run(enterprises.held_without)
    assert job.state == "done"
    assert pair.wire.received == []


def test_the_blinded_elements_of_one_enterprise_differ_every_time(pair: Pair, enterprises: Enterprises) -> None:
    for _ in range(2):
        pair.bank.link.align(enterprises.everyone)
        with pair.bank.database.write() as connection:
            connection.execute(delete(alignment_known))
    blinded = [data for method, data in pair.wire.received if method.endswith("Evaluate")]
    assert len(blinded) == 2
    parts = [{data[at : at + 16] for at in range(len(data) - 16)} for data in blinded]
    # The epoch's id and the messages' frames are the same; of the thirteen elements none is.
    assert len(parts[0] & parts[1]) < 64
