"""kill -9 while something is set up: consents, tax data, a model. Done again it is done once, and nothing is left."""

from __future__ import annotations

import csv
import threading
from pathlib import Path

import pytest

from node.client.data import DataImport, file_parts
from node.clock import system_clock
from node.codes import Code
from node.demo.synthetic import unheld_codes
from node.demo.trial import BUREAU, NodeProcess
from tests.support.trial import MODEL, ReadyTrial, refusal_of, wait_until

GONE = {Code.NODE_NOT_RUNNING, Code.PEER_UNREACHABLE, Code.DEADLINE_EXCEEDED}
ROUNDS = 30  # times twenty-four enterprises: several frames


@pytest.fixture(params=["bank", "bureau"])
def node(doomed: ReadyTrial, request: pytest.FixtureRequest) -> NodeProcess:
    chosen: NodeProcess = getattr(doomed, request.param)
    return chosen


def test_consents_are_registered_again_after_a_kill(doomed: ReadyTrial, node: NodeProcess) -> None:
    sooner = system_clock() + 86_400_000  # the standing consents last longer: jobs go on using those
    signed = [doomed.sign(code, expires_ms=sooner) for _ in range(ROUNDS) for code in doomed.data.codes]
    tokens = [token for token, _ in signed]

    def register() -> None:
        with doomed.bank.client() as bank:
            for _ in bank.consents.register(tokens, BUREAU):
                node.kill()

    assert refusal_of(register) in GONE
    node.start()
    verdicts = wait_until(lambda: doomed.register(tokens))  # a bank takes a moment to find its bureau again
    assert [(verdict.state, verdict.consent_id) for verdict in verdicts] == [
        ("registered", consent_id) for _, consent_id in signed
    ]
    assert doomed.register(tokens[:50]) == verdicts[:50]
    count = "SELECT COUNT(*) FROM consents WHERE hex(consent_id) IN ({})"
    query = count.format(",".join(f"'{consent_id.upper()}'" for _, consent_id in signed))
    assert doomed.look(doomed.bank, query) == doomed.look(doomed.bureau, query) == [(len(signed),)]


def test_an_import_that_is_killed_leaves_nothing(doomed: ReadyTrial, tmp_path: Path) -> None:
    with doomed.bureau.client() as bureau:
        before = bureau.data.list()
    folder = doomed.bureau.directory / "data" / "features"
    files = sorted(path.name for path in folder.iterdir())
    table = big_table(doomed, tmp_path)

    def load() -> None:
        with doomed.bureau.client() as bureau, table.open("rb") as file:
            for progress in bureau.data.load(DataImport("tax", "2026-03-31", "synthetic"), file_parts(file)):
                assert progress.feature_set is None
                assert any(path.name.startswith(".import-") for path in folder.iterdir()), "it was over already"
                doomed.bureau.kill()

    assert refusal_of(load) is Code.NODE_NOT_RUNNING
    doomed.bureau.start()
    assert sorted(path.name for path in folder.iterdir()) == files
    with doomed.bureau.client() as bureau:
        assert bureau.data.list() == before
    job = doomed.run(doomed.data.codes[:4])
    doomed.check_exact(job.job_id, doomed.data.codes[:4])


def big_table(doomed: ReadyTrial, folder: Path, rows: int = 60_000) -> Path:
    path = folder / "big.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["uscc", *doomed.data.field_ids])
        writer.writerows([code, "1", "2"] for code in unheld_codes(doomed.data.codes, rows, start=50_000_000))
    return path


def test_a_model_is_registered_again_after_a_kill(doomed: ReadyTrial) -> None:
    folder = doomed.bureau.directory / "data" / "models"
    files = sorted(path.name for path in folder.iterdir())
    with doomed.bank.client() as bank:
        for step in bank.models.build(doomed.data.scorecard("killed"), bureau=BUREAU):
            model = step.model
    assert model is not None
    codes: list[Code] = []

    def register() -> None:
        with doomed.bank.client() as bank:
            codes.append(refusal_of(lambda: bank.models.register(model.model_id)))

    thread = threading.Thread(target=register)
    thread.start()
    wait_until(lambda: list(folder.glob(".incoming-*")), pause=0.001)
    doomed.bureau.kill()
    thread.join(120)
    assert set(codes) <= GONE
    assert codes
    doomed.bureau.start()
    assert sorted(path.name for path in folder.iterdir()) == files, "what was half received is still there"
    assert refusal_of(lambda: doomed.submit(doomed.data.codes[:1], model=f"{MODEL}@killed")) is Code.WRONG_STATE
    with doomed.bank.client() as bank:
        assert wait_until(lambda: bank.models.register(model.model_id)).state == "registered"
    job = doomed.run(doomed.data.codes[:4], model=f"{MODEL}@killed")
    doomed.check_exact(job.job_id, doomed.data.codes[:4])


def test_a_build_that_is_killed_leaves_nothing(doomed: ReadyTrial) -> None:
    folder = doomed.bank.directory / "data" / "models"
    files = sorted(path.name for path in folder.iterdir())
    scorecard = doomed.data.scorecard("unbuilt")

    def kill_in_mid_build() -> None:
        wait_until(lambda: list(folder.glob(".progress-*")), pause=0.001)
        doomed.bank.kill()

    def build() -> None:
        with doomed.bank.client() as bank:
            list(bank.models.build(scorecard, bureau=BUREAU))

    thread = threading.Thread(target=kill_in_mid_build)
    thread.start()
    assert refusal_of(build) is Code.NODE_NOT_RUNNING
    thread.join(60)
    doomed.bank.start()
    assert sorted(path.name for path in folder.iterdir()) == files
    with doomed.bank.client() as bank:
        assert "unbuilt" not in {model.version for model in bank.models.list()}
        assert list(bank.models.build(scorecard, bureau=BUREAU))[-1].model is not None
