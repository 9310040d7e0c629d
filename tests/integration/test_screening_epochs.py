"""Two real nodes over versions of a list: what is downloaded, byte by byte, and screenings that outlive a key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from node.client.lists import ListPublication
from node.client.screenings import Screening
from node.clock import system_clock
from node.codes import JobState, Purpose
from node.config import load
from node.demo.synthetic import unheld_codes
from node.demo.trial import BANK, BUREAU
from node.keys import load_keys, open_sealer
from node.own_card import own_card
from node.policy.card import PartyCard
from node.rpc import methods
from node.rpc.client import Caller, PeerClient
from node.rundir import RunDirectory
from protocols.psi.tags import TAG_BYTES
from protos import screening_pb2 as pb
from tests.support.counting_line import CountingLine
from tests.support.screening import LIST, ScreeningTrial, screening_trial_in
from tests.support.transport import RANDOMNESS
from tests.support.trial import wait_until

LARGE, ITEMS = "large-list", 100_000
FRAME = 65_536 * TAG_BYTES


class Lined:
    """A trial whose bank reaches the bureau over a line that counts."""

    def __init__(self, trial: ScreeningTrial) -> None:
        self.trial = trial
        directory = trial.bureau.directory
        port = RunDirectory(directory).port("server")
        assert port is not None
        self.line = CountingLine(port)
        self.keys = load_keys(directory, open_sealer(directory, RANDOMNESS))
        self.card = own_card(load(directory), self.keys)
        lined = self.card.model_copy(update={"endpoint": f"127.0.0.1:{self.line.port}"})
        with trial.bank.client() as bank:
            bank.parties.trust(lined.sign(self.keys.signing).encode())

    def run(self, codes: Sequence[str], **options: str) -> tuple[Screening, int]:
        """Screen, and return the screening and the bytes that came from the bureau for it."""
        before = self.line.received
        job = self.trial.run(codes, protocol="oprf", **options)
        assert job.state is JobState.DONE, (job.error_code, job.error_detail)
        return job, self.line.received - before

    def epochs(self) -> list[tuple[bytes, bool]]:
        """Return the bureau's epochs of the usual list, by age, and whether each is retired."""
        query = "SELECT epoch_id, retired_at FROM screening_epochs WHERE name = ? ORDER BY created_at"
        return [(row[0], row[1] is not None) for row in self.trial.look(self.trial.bureau, query, LIST)]

    def files(self, name: str = LIST) -> list[Path]:
        """Return the bank's files of a list."""
        return sorted((self.trial.bank.directory / "data" / "lists" / BUREAU / name).iterdir())


@pytest.fixture(scope="module")
def staying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lined]:
    """Nodes that agreed that a list's key stays."""
    with screening_trial_in(tmp_path_factory.mktemp("staying") / "nodes", key_across_versions=True) as ready:
        lined = Lined(ready)
        yield lined
        lined.line.close()


@pytest.fixture
def rotating(tmp_path: Path) -> Iterator[Lined]:
    """Nodes that did not."""
    environment = {BANK: {"BANKTAX_LIMITS__PEER_PATIENCE_SECONDS": "120"}}
    with screening_trial_in(tmp_path / "nodes", environment=environment) as ready:
        lined = Lined(ready)
        yield lined
        lined.line.close()


def hits(trial: ScreeningTrial, codes: Sequence[str], listed: Sequence[str]) -> list[str]:
    return ["uscc", *(code for code in codes if code in set(listed))]


def test_a_second_version_is_downloaded_as_a_delta(staying: Lined) -> None:
    trial = staying.trial
    codes = trial.portfolio(50, 50)
    first, whole = staying.run(codes, version="1")
    assert trial.lines(first.job_id) == hits(trial, codes, trial.listed)
    _, again = staying.run(codes, version="1")
    listed = [code for code in trial.listed if code != codes_on(trial, codes)[0]]
    trial.publish("2", listed)
    second, delta = staying.run(codes, version="2")
    assert trial.lines(second.job_id) == hits(trial, codes, listed)
    sizes = {path.name.partition("-")[2]: path.stat().st_size for path in staying.files()}
    assert set(sizes) == {"000.tags", "001.tags", "002.tags"}
    added = sizes["001.tags"] + sizes["002.tags"]
    assert whole - again >= sizes["000.tags"]
    assert added <= delta - again <= added + added // 10 + 4096, "more than the delta came over the line"
    assert len(staying.epochs()) == 1
    labelled = trial.run(codes, version="2", mode="labels")
    expected = [",".join((code, *trial.label_of(code))) for code in codes if code in set(listed)]
    assert trial.lines(labelled.job_id)[1:] == expected
    opened_again(trial, second)


def codes_on(trial: ScreeningTrial, codes: Sequence[str]) -> list[str]:
    return [code for code in codes if code in set(trial.listed)]


def opened_again(trial: ScreeningTrial, job: Screening) -> None:
    """An auditor makes the transcript of a screening against several segments again."""
    from node.certification.office import open_office
    from node.certification.opened_set import audit_opened_set

    file = trial.trial.folder / "opened-set"
    file.write_bytes(trial.opened_set(job.job_id))
    with open_office(trial.trial.auditor.directory, system_clock, RANDOMNESS) as office:
        assert audit_opened_set(file, office.key_of).transcript_digest == job.transcript_digest


def test_a_download_is_at_most_sixteen_bytes_an_item_and_goes_on_after_a_kill(staying: Lined) -> None:
    """Counted on the line: padding, the reserve for deltas, signatures, TLS and TCP's payload."""
    trial = staying.trial
    listed = unheld_codes((), ITEMS, start=60_000_000)
    with trial.bureau.client() as bureau:
        text = "\n".join(("uscc", *listed, "")).encode()
        *_, last = bureau.lists.publish(ListPublication(LARGE, "1", "abnormal-operation"), [text])
    assert last.published is not None
    before = staying.line.received
    staying.line.hold_after(FRAME + FRAME // 4)
    with trial.bank.client() as bank:
        lines = "".join(f"{code}\n" for code in listed[:40]).encode()
        job = bank.screenings.submit(BUREAU, LARGE, [lines], purpose=Purpose.PORTFOLIO_SCREENING, protocol="oprf")
    folder = trial.bank.directory / "data" / "lists" / BUREAU / LARGE
    wait_until(lambda: [path.stat().st_size for path in folder.glob("*.part")] == [FRAME], seconds=120)
    trial.bank.kill()
    staying.line.release()
    trial.bank.start()
    ended = trial.wait(job.job_id)
    assert (ended.state, ended.matched) == (JobState.DONE, 40), ended.error_detail
    (tags,) = staying.files(LARGE)
    assert tags.stat().st_size == 110_592 * TAG_BYTES
    received = staying.line.received - before
    assert received <= 16 * ITEMS + FRAME // 4 + 64 * 1024, "what had arrived was downloaded again"
    tags.unlink()
    again = staying.line.received
    with trial.bank.client() as bank:
        job = bank.screenings.submit(BUREAU, LARGE, [lines], purpose=Purpose.PORTFOLIO_SCREENING, protocol="oprf")
    assert trial.wait(job.job_id).matched == 40
    print(f"{(staying.line.received - again) / ITEMS:.3f} bytes an item, all of the screening included")
    assert staying.line.received - again <= 16 * ITEMS


def test_a_screening_outlives_the_rotation_of_its_key(rotating: Lined) -> None:
    trial = rotating.trial
    codes = trial.portfolio(60, 1_500)
    rotating.line.hold_after(9_000)  # the opening passes, the tags do not
    job = trial.submit(codes, version="1", protocol="oprf")
    wait_until(lambda: trial.look(trial.bureau, "SELECT state FROM bureau_screenings") == [("open",)])
    trial.bank.kill()
    trial.publish("2", trial.listed[:10])
    with bank_client(rotating) as client:
        opening = pb.OpenScreeningRequest(
            job_id=bytes(16),
            list=LIST,
            version="2",
            mode="codes",
            protocol="oprf",
            purpose=Purpose.PORTFOLIO_SCREENING,
            padded_codes=64,
            commitment=bytes(32),
            size_class=6,
        )
        opened = client.call(methods.OPEN_SCREENING, opening, 60)
    (old, retired), (new, current) = rotating.epochs()
    assert (retired, current, opened.epoch.epoch_id) == (True, False, new)
    rotating.line.release()
    trial.bank.start()
    ended = trial.wait(job.job_id)
    assert ended.state is JobState.DONE, (ended.error_code, ended.error_detail)
    assert trial.lines(job.job_id) == hits(trial, codes, trial.listed)
    assert {path.name.partition("-")[0] for path in rotating.files()} == {old.hex()}
    later, _ = rotating.run(codes)
    assert later.version == "2"
    assert trial.lines(later.job_id) == hits(trial, codes, trial.listed[:10])
    assert {path.name.partition("-")[0] for path in rotating.files()} == {new.hex()}, "files of the old key stayed"


def bank_client(lined: Lined) -> PeerClient:
    """Return a client with the bank's own keys."""
    directory = lined.trial.bank.directory
    keys = load_keys(directory, open_sealer(directory, RANDOMNESS))
    card: PartyCard = lined.card
    return PeerClient(
        card,
        Caller(BANK, keys.tls, keys.signing),
        limits=load(directory).limits,
        clock=system_clock,
        randomness=RANDOMNESS,
    )
