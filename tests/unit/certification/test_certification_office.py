"""The auditor's commands, as a reviewer types them, and the log that keeps what was done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from node.certification.admitting import AdmissionTerms, admit, share_text
from node.certification.office_log import Deed, OfficeLog
from node.certification.result import ReviewResult
from node.clock import system_clock
from node.codes import Code
from node.errors import Refusal
from node.policy import admission as admissions
from tests.support.certification import AUDITOR, BANK, BUREAU, SECOND, CertificationWorld, Dossier
from tests.support.cli import banktax

ENTRY: dict[str, Any] = {"bank": BANK, "model": "m@1", "model_id": "aa", "dossier": "bb"}


@pytest.fixture
def files(world: CertificationWorld, tmp_path: Path) -> dict[str, Path]:
    """Frequencies and cards as files."""
    found = {"frequencies": tmp_path / "frequencies.json"}
    found["frequencies"].write_bytes(world.frequencies())
    for name, party in world.parties.items():
        found[name] = tmp_path / f"{name}.card"
        found[name].write_bytes(party.card_file)
    return found


# ---- from an empty directory to an admission


def test_an_auditor_is_made_shows_its_card_and_trusts_without_a_node(tmp_path: Path, files: dict[str, Path]) -> None:
    home = tmp_path / "auditor-c"
    made = banktax("init", "auditor", "--id", "auditor-c", "--name", "Auditor C", "--dir", home)
    assert made.exit_code == 0, made.stderr
    card = json.loads(banktax("party", "card", "--dir", home).stdout)["body"]
    assert len(card["encryption_key"]) == 64
    assert (home / "keys" / "encryption.key.sealed").stat().st_mode & 0o077 == 0
    for name in (BANK, BUREAU):
        trusted = banktax("party", "trust", files[name], "--yes", "--dir", home)
        assert trusted.exit_code == 0, trusted.stderr
    suspended = banktax("party", "suspend", BANK, "--dir", home)
    assert "suspended" in suspended.stdout
    banktax("party", "resume", BANK, "--dir", home)
    listed = json.loads(banktax("party", "list", "--json", "--dir", home).stdout)
    assert [(each["party_id"], each["role"], each["state"]) for each in listed] == [
        (BANK, "bank", "trusted"),
        (BUREAU, "bureau", "trusted"),
    ]


def test_review_admit_countersign_revoke_and_forget(
    world: CertificationWorld, honest: Dossier, files: dict[str, Path], tmp_path: Path
) -> None:
    dossiers = {
        name: world.written(honest.with_header(auditor=name), f"cli-{name}.dossier", auditor=name)
        for name in (AUDITOR, SECOND)
    }
    homes = {name: world.parties[name].directory for name in dossiers}
    page = tmp_path / "report.html"
    for name, dossier in dossiers.items():
        reviewed = banktax("auditor", "review", dossier, "-f", files["frequencies"], "--html", page, "--json", "--dir",
                           homes[name])  # fmt: skip
        assert reviewed.exit_code == 0, reviewed.stderr
        assert json.loads(reviewed.stdout)["passed"] is True
        assert "passed: " in reviewed.stderr
    model_id = json.loads(reviewed.stdout)["facts"]["model_id"]
    assert "<svg" in page.read_text()
    once, twice = tmp_path / "once.json", tmp_path / "twice.json"
    admitted = banktax("auditor", "admit", model_id[:12], "--reviewer", "Wang", "-o", once, "--dir", homes[AUDITOR])
    assert admitted.exit_code == 0, admitted.stderr
    assert "countersigned" in admitted.stderr
    signed = banktax("auditor", "countersign", once, "-o", twice, "--dir", homes[SECOND])
    assert signed.exit_code == 0, signed.stderr
    keys = {name: world.parties[name].card.verify_key for name in dossiers}
    found, document = admissions.read(twice.read_bytes())
    assert admissions.verify(document, keys, set(dossiers), 2) == found
    revoked = banktax("auditor", "revoke", twice, "--reason", "points changed", "--dir", homes[SECOND])
    revocation, paper = admissions.read_revocation(revoked.stdout.encode())
    assert admissions.verify_revocation(paper, keys, document.signers) == revocation
    gone = banktax("auditor", "forget", dossiers[SECOND], "--yes", "--dir", homes[SECOND])
    assert gone.exit_code == 0, gone.stderr
    assert not dossiers[SECOND].exists()
    log = banktax("auditor", "log", "--json", "--dir", homes[SECOND])
    deeds = [entry["deed"] for entry in json.loads(log.stdout)]
    assert deeds[-4:] == [Deed.REVIEWED, Deed.COUNTERSIGNED, Deed.REVOKED, Deed.FORGOTTEN]
    assert banktax("auditor", "log", "--dir", homes[SECOND]).exit_code == 0


def test_a_review_that_fails_ends_as_a_refusal_and_cannot_be_admitted(
    world: CertificationWorld, honest: Dossier, files: dict[str, Path]
) -> None:
    path = world.written(honest.with_header(engine_library_sha256="00" * 32), "failing.dossier")
    home = world.parties[AUDITOR].directory
    reviewed = banktax("auditor", "review", path, "-f", files["frequencies"], "--lang", "zh", "--dir", home)
    assert reviewed.exit_code == 6
    assert "MODEL_NOT_ADMITTED" in reviewed.stderr
    assert "未通过" in reviewed.stderr
    with world.office() as office:
        dossier = office.log.read()[-1].dossier
    refused = banktax("auditor", "admit", dossier, "--reviewer", "Wang", "--dir", home)
    assert refused.exit_code == 6
    assert "the review failed" in refused.stderr


@pytest.mark.parametrize("command", [("log",), ("admit", "m@1", "--reviewer", "W"), ("forget", "x", "--yes")])
def test_commands_of_an_auditor_are_refused_elsewhere(world: CertificationWorld, command: tuple[str, ...]) -> None:
    refused = banktax("auditor", *command, "--dir", world.parties[BANK].directory)
    assert refused.exit_code != 0
    assert "WRONG_ROLE" in refused.stderr


# ---- what is signed


def test_an_admission_says_what_was_found_and_never_less(world: CertificationWorld, passed: ReviewResult) -> None:
    with world.office() as office:
        document = admit(office, passed, AdmissionTerms(("Wang", "Li")))
        found = admissions.verify(document, {AUDITOR: office.keys.signing.verify_key}, {AUDITOR}, 1)
    facts = passed.facts
    assert (found.model_id, found.encrypted_digest) == (facts.model_id, facts.encrypted_digest)
    assert found.ciphertext_digests == facts.ciphertext_digests
    assert found.bureaus == (BUREAU,)
    assert passed.noise.distance_log2 is not None
    assert 0 <= float(found.noise.distance_log2) - passed.noise.distance_log2 < 0.01
    exact = {field.field: field for view in passed.views if view.view == "independent" for field in view.fields}
    for field in found.leakage.fields:
        assert 0 <= float(field.gain) - exact[field.field].gain < 1.1e-4
    assert found.leakage.distinct_scores == passed.views[0].distinct_scores
    assert (found.expires_at - found.reviewed_at).days == 365
    assert (found.review_by - found.reviewed_at).days == 180


@pytest.mark.parametrize(("value", "text"), [(0.0, "0.0000"), (0.12341, "0.1235"), (0.1234, "0.1234"), (1.0, "1.0000")])
def test_shares_are_rounded_up(value: float, text: str) -> None:
    assert share_text(value) == text


def test_terms_beyond_the_agreements_are_refused(world: CertificationWorld, passed: ReviewResult) -> None:
    late = passed.reviewed_at.replace(year=passed.reviewed_at.year + 1, month=12)
    with world.office() as office:
        for terms in (AdmissionTerms(("W",), expires_at=late), AdmissionTerms(("W",), review_by=late)):
            with pytest.raises(Refusal) as caught:
                admit(office, passed, terms)
            assert caught.value.code is Code.INVALID_INPUT


def test_a_second_auditor_does_not_sign_what_it_did_not_find(
    world: CertificationWorld, honest: Dossier, passed: ReviewResult, tmp_path: Path
) -> None:
    path = world.written(honest.with_header(auditor=SECOND), "second-view.dossier", auditor=SECOND)
    own = world.review(path, auditor=SECOND)
    assert own.facts.model_id == passed.facts.model_id
    with world.office() as office:
        body = admit(office, passed, AdmissionTerms(("Wang",))).body
        lower = json.loads(json.dumps(body))
        lower["leakage"]["fields"][2]["gain"] = "0.0100"
        other = {**body, "public_key_digest": "00" * 32}
        more = {**body, "purposes": ["loan_origination", "loan_monitoring"]}
        for changed, part in ((lower, "gain of field-002"), (other, "public_key_digest"), (more, "purposes")):
            file = tmp_path / "changed.json"
            file.write_bytes(admissions.sign(admissions.Admission.from_body(changed), office.keys.signing).encode())
            refused = banktax("auditor", "countersign", file, "--dir", world.parties[SECOND].directory)
            assert refused.exit_code == 6
            assert part in refused.stderr
    revoked = banktax("auditor", "revoke", file, "--reason", "x", "--dir", world.parties[SECOND].directory)
    assert "did not sign" in revoked.stderr


# ---- forgetting


def test_forgetting_destroys_a_damaged_dossier_and_spares_what_is_none_of_ours(
    world: CertificationWorld, honest: Dossier, tmp_path: Path
) -> None:
    home = world.parties[AUDITOR].directory
    path = world.written(honest, "damaged.dossier")
    path.write_bytes(path.read_bytes()[:5000])
    assert banktax("auditor", "forget", path, "--yes", "--dir", home).exit_code == 0
    assert not path.exists()
    others = world.written(honest, "others.dossier", auditor=SECOND)
    letter = tmp_path / "letter.txt"
    letter.write_text("keep me")
    for spared in (others, letter):
        before = spared.read_bytes()
        assert banktax("auditor", "forget", spared, "--yes", "--dir", home).exit_code == 2
        assert spared.read_bytes() == before


def test_what_is_overwritten_opens_no_more(
    world: CertificationWorld, honest: Dossier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that keeps the file's blocks keeps no file key: a link shows what is left of them."""
    path = world.written(honest, "blocks.dossier")
    blocks = path.with_name("blocks.left")
    blocks.hardlink_to(path)
    assert banktax("auditor", "forget", path, "--yes", "--dir", world.parties[AUDITOR].directory).exit_code == 0
    with pytest.raises(Refusal):
        world.review(blocks)


# ---- the log


def test_the_log_is_a_chain(tmp_path: Path) -> None:
    log = OfficeLog(tmp_path / "auditor.log", system_clock)
    assert log.read() == []
    for deed in (Deed.REVIEWED, Deed.ADMITTED, Deed.FORGOTTEN):
        log.append(deed, **ENTRY, detail="d")
    entries = log.read()
    assert [entry.deed for entry in entries] == [Deed.REVIEWED, Deed.ADMITTED, Deed.FORGOTTEN]
    assert [entry.previous for entry in entries[1:]] == [entry.digest for entry in entries[:-1]]


@pytest.mark.parametrize("fault", ["changed", "removed", "swapped", "not a line"])
def test_a_log_that_was_changed_says_where(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "auditor.log"
    log = OfficeLog(path, system_clock)
    for deed in (Deed.REVIEWED, Deed.ADMITTED, Deed.FORGOTTEN):
        log.append(deed, **ENTRY)
    lines = path.read_bytes().splitlines()
    changed = {
        "changed": [lines[0], lines[1].replace(b"admitted", b"reviewed"), lines[2]],
        "removed": [lines[0], lines[2]],
        "swapped": [lines[1], lines[0], lines[2]],
        "not a line": [*lines, b"{}"],
    }[fault]
    path.write_bytes(b"\n".join(changed) + b"\n")
    where = {"changed": 3, "removed": 2, "swapped": 1, "not a line": 4}[fault]
    for action in (log.read, lambda: log.append(Deed.REVIEWED, **ENTRY)):
        with pytest.raises(Refusal) as caught:
            action()
        assert caught.value.code is Code.AUDIT_UNAVAILABLE
        assert f"line {where} " in caught.value.detail
