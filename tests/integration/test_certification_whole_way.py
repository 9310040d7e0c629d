"""From an empty machine to a score: frequencies, dossier, review, admission, registration, with people's commands.

Two real nodes, and a bureau that takes no uncertified model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from node.codes import Engine
from node.demo.synthetic import make
from node.demo.trial import BANK, BUREAU, NodeProcess, Trial, card_of
from tests.support.cli import banktax
from tests.support.trial import MODEL, ReadyTrial

AUDITOR = "auditor-one"
SCORED = 2


@pytest.fixture
def ready(tmp_path: Path) -> Iterator[ReadyTrial]:
    with Trial(tmp_path / "nodes") as trial:
        yield ReadyTrial(trial, make(600, 48, 5))


def run(directory: Path, *arguments: object) -> str:
    """Run a command that must succeed; return what it printed."""
    result = banktax(*arguments, "--dir", directory)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def trust_each_other(ready: ReadyTrial, home: Path, folder: Path) -> None:
    card = folder / "auditor.card"
    run(home, "party", "card", "--out", card)
    for node in (ready.bank, ready.bureau):
        run(node.directory, "party", "trust", card, "--yes")
        theirs = folder / f"{node.directory.name}.card"
        theirs.write_bytes(card_of(node.directory))
        run(home, "party", "trust", theirs, "--yes")


def refusal(node: NodeProcess, *arguments: object) -> str:
    result = banktax(*arguments, "--dir", node.directory)
    assert result.exit_code != 0
    return result.stderr


def test_from_an_empty_directory_to_a_score(ready: ReadyTrial, tmp_path: Path) -> None:
    home, bank, bureau = tmp_path / "auditor", ready.bank.directory, ready.bureau.directory
    run(home, "init", "auditor", "--id", AUDITOR, "--name", "Auditor One")
    trust_each_other(ready, home, tmp_path)
    catalogue = {**ready.data.catalogue(), "bureau": BUREAU}
    ready.trial.agree(catalogue, auditors=("another",))
    ready.import_data()
    with ready.bank.client() as client:
        for _ in client.models.build(ready.data.scorecard(), engine=Engine.BFV, bureau=BUREAU):
            pass

    dossier, counted, signed = (tmp_path / name for name in ("model.dossier", "counted.json", "admission.json"))
    assert "PEER_UNTRUSTED" in refusal(ready.bank, "model", "dossier", MODEL, "--auditor", "nobody", "-o", dossier)
    assert "WRONG_ROLE" in refusal(ready.bank, "model", "dossier", MODEL, "--auditor", BUREAU, "-o", dossier)
    assert "MODEL_UNKNOWN" in refusal(ready.bank, "model", "dossier", "x@1", "--auditor", AUDITOR, "-o", dossier)
    assert "AGREEMENT_INACTIVE" in refusal(ready.bank, "model", "dossier", MODEL, "--auditor", AUDITOR, "-o", dossier)
    assert not dossier.exists()
    since = datetime.now(UTC) - timedelta(hours=1)
    ready.trial.agree(catalogue, agreement_id="with-auditor", auditors=(AUDITOR,), valid_from=since)
    run(bank, "model", "dossier", MODEL, "--auditor", AUDITOR, "-o", dossier)
    run(bureau, "data", "frequencies", "--for", AUDITOR, "--out", counted)

    report = json.loads(run(home, "auditor", "review", dossier, "-f", counted, "--json"))
    assert report["passed"] is True
    run(home, "auditor", "admit", f"{MODEL}@1", "--reviewer", "Wang Fang", "-o", signed)
    run(home, "auditor", "forget", dossier, "--yes")

    assert "MODEL_NOT_ADMITTED" in refusal(ready.bank, "model", "register", MODEL)
    run(bank, "admission", "import", signed)
    run(bank, "model", "register", MODEL)
    codes = ready.data.codes[:SCORED]
    assert all(verdict.state == "registered" for verdict in ready.register([ready.sign(code)[0] for code in codes]))
    assert [ready.one(code).score for code in codes] == [ready.expected[code] for code in codes]
    (entry,) = json.loads(run(bureau, "ledger", "show", codes[0], "--json"))
    assert (entry["bank"], entry["bits"]) == (BANK, pytest.approx(report["views"][0]["score_bits_milli"] / 1000))
