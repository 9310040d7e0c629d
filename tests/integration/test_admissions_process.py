"""An admission's way through two real nodes by the command line: imported, registered, scored under, revoked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from node.clock import system_clock
from node.codes import Code, Engine, Role
from node.demo.synthetic import make
from node.demo.trial import BANK, BUREAU, NodeProcess, Trial
from node.jobs.model_description import ModelDescription
from tests.support.admissions import AUDITOR, admission_of, read_encrypted, revocation_of, signed
from tests.support.cli import banktax
from tests.support.policy import party_key
from tests.support.sides import party_card
from tests.support.trial import MODEL, ReadyTrial, refusal_of


def cli(node: NodeProcess, *arguments: Any) -> Any:
    """Run a command at a node; returns what it printed as JSON."""
    result = banktax(*arguments, "--json", "--dir", node.directory)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def admission_for(ready: ReadyTrial, **changes: Any) -> bytes:
    """Sign an admission of the bank's only model, as it lies in the bank's folder."""
    ((summary, path),) = ready.look(ready.bank, "SELECT summary, path FROM bank_models")
    description = ModelDescription.from_json(json.loads(summary)["description"].encode("utf-8"))
    encrypted = read_encrypted(ready.bank.directory / "data" / "models" / path, description)
    return signed(admission_of(description, encrypted, BANK, system_clock(), bureaus=[BUREAU], **changes))


@pytest.fixture
def ready(tmp_path: Path) -> Any:
    trial = Trial(tmp_path / "nodes")
    trial.bureau.environment["BANKTAX_SECURITY__ALLOW_UNCERTIFIED"] = "false"
    with trial:
        made = ReadyTrial(trial, make(6, 8, 5))
        card = party_card(AUDITOR, Role.AUDITOR).sign(party_key(AUDITOR)).encode()
        for node in (trial.bank, trial.bureau):
            with node.client() as client:
                client.parties.trust(card)
        trial.agree({**made.data.catalogue(), "bureau": BUREAU}, auditors=(AUDITOR,))
        made.import_data()
        with trial.bank.client() as bank:
            for _ in bank.models.build(made.data.scorecard(), engine=Engine.BFV, bureau=BUREAU):
                pass
        yield made


def test_an_admission_from_import_to_revocation(ready: ReadyTrial, tmp_path: Path) -> None:
    bank, bureau = ready.bank, ready.bureau
    result = banktax("model", "register", MODEL, "--dir", bank.directory)
    assert Code.MODEL_NOT_ADMITTED in result.stderr

    document = admission_for(ready)
    file, copy = tmp_path / "admission.json", tmp_path / "copy.json"
    file.write_bytes(document)
    held = cli(bank, "admission", "import", file)
    assert (held["state"], held["auditors"], held["model"]) == ("valid", [AUDITOR], f"{MODEL}@1")
    assert banktax("admission", "show", held["admission_id"], "--out", copy, "--dir", bank.directory).exit_code == 0
    assert copy.read_bytes() == document
    assert cli(bureau, "admission", "list") == []
    assert cli(bank, "model", "register", MODEL)["state"] == "registered"
    (held,) = cli(bureau, "admission", "list")
    assert (held["state"], held["bank"], held["bureaus"]) == ("valid", BANK, [BUREAU])

    code = ready.data.codes[0]
    assert ready.register([ready.sign(code)[0]])[0].state == "registered"
    assert ready.one(code).score == ready.expected[code]
    (entry,) = cli(bureau, "ledger", "show", code)
    assert (entry["bank"], entry["model"], entry["bits"]) == (BANK, f"{MODEL}@1", 9.966)
    assert cli(bureau, "ledger", "show", code, "--bank", "another-bank") == []
    assert cli(bureau, "ledger", "alerts") == []

    revocation = tmp_path / "revocation.json"
    revocation.write_bytes(revocation_of(held["admission_id"], system_clock()))
    held = cli(bureau, "admission", "import", revocation)
    assert (held["state"], held["revoked_by"], held["reason"]) == ("revoked", AUDITOR, "the sample was wrong")
    assert refusal_of(lambda: ready.one(code)) is Code.MODEL_NOT_ADMITTED
    assert f"{MODEL}@1" in banktax("ledger", "show", code, "--dir", bureau.directory).stdout
    assert "revoked" in banktax("admission", "list", "--dir", bureau.directory).stdout


def test_what_is_no_admission_of_this_node(ready: ReadyTrial, tmp_path: Path) -> None:
    file = tmp_path / "admission.json"
    for content, code in (
        (b"{}", Code.INVALID_INPUT),
        (admission_for(ready, auditor="auditor-nine"), Code.PEER_UNTRUSTED),
        (admission_for(ready).replace(b'"version": "1"', b'"version": "2"', 1), Code.PEER_UNTRUSTED),
    ):
        file.write_bytes(content)
        result = banktax("admission", "import", file, "--dir", ready.bank.directory)
        assert result.exit_code != 0
        assert code in result.stderr
    assert "WRONG_ROLE" in banktax("ledger", "alerts", "--dir", ready.bank.directory).stderr
    assert "NOT_FOUND" in banktax("admission", "show", "none", "--dir", ready.bureau.directory).stderr
