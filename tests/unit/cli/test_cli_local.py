"""Commands that need no running node: init, cards, catalogues, drafts, consents, trial certificates."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from node.clock import system_clock
from node.codes import Role
from node.policy import card as cards
from node.policy.agreement import parse_draft
from node.policy.certificates import Authority, UsccField
from node.policy.consent import ConsentVerifier, notice_digest
from tests.support.cli import banktax
from tests.support.control_server import Script, make_node, running_control

CODE = "91350100M000100Y43"


def field(name: str, provision: str = "score_only") -> dict[str, object]:
    numbers = {"type": "decimal", "low": "0", "high": "100", "step": "0.01"}
    names = {"id": name, "name_zh": "销售额", "name_en": "sales"}
    return {**names, **numbers, "sensitivity": "ordinary", "provision": provision}


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    fields = [field("a"), field("b"), field("c", "flag_only")]
    body = {"catalogue_id": "base", "version": 2, "bureau": "bureau-1", "fields": fields}
    path = tmp_path / "catalogue.json"
    path.write_text(json.dumps(body), "utf-8")
    return path


def test_init_makes_a_node_with_what_it_is_told(tmp_path: Path) -> None:
    result = banktax(
        "init", "bureau", "--id", "bureau-1", "--name", "Tax Bureau", "--name-zh", "税务局", "--dir", tmp_path / "b",
        "--server-listen", "0.0.0.0:7700", "--control-listen", "127.0.0.1:0", "--endpoint", "tax.example:7700",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    settings = tomllib.loads((tmp_path / "b" / "banktax.toml").read_text("utf-8"))
    assert settings["node"] == {"id": "bureau-1", "role": "bureau", "name_zh": "税务局", "name_en": "Tax Bureau"}
    assert settings["server"]["listen"] == "0.0.0.0:7700"
    assert settings["server"]["endpoint"] == "tax.example:7700"
    assert settings["control"]["listen"] == "127.0.0.1:0"
    assert (tmp_path / "b" / "keys" / "node.key").exists()
    again = banktax("init", "bank", "--id", "b", "--name", "B", "--dir", tmp_path / "b")
    assert again.exit_code == 2
    assert "exists and is not empty" in again.stderr


def test_init_needs_to_be_told_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(make_node(tmp_path / "here"))
    result = banktax("init", "bank", "--id", "b", "--name", "B")
    assert result.exit_code == 2
    assert "where to?" in result.stderr


def test_a_passphrase_is_asked_twice_and_never_shown(tmp_path: Path) -> None:
    secret = "correct horse battery"
    result = banktax(
        "init", "bank", "--id", "b", "--name", "B", "--dir", tmp_path / "b", "--passphrase-prompt",
        stdin=f"{secret}\n{secret}\n",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert secret not in result.output
    assert (tmp_path / "b" / "keys" / "node.key.wrapped").exists()
    assert not (tmp_path / "b" / "keys" / "node.key").exists()
    sealed = banktax("party", "card", "--dir", tmp_path / "b")
    assert sealed.exit_code == 5
    assert "KEY_UNAVAILABLE" in sealed.stderr
    opened = banktax("party", "card", "--dir", tmp_path / "b", environment={"BANKTAX_PASSPHRASE": secret})
    assert cards.parse(opened.stdout.encode()).party_id == "b"


def test_the_own_card_verifies_and_holds_no_secret(tmp_path: Path) -> None:
    directory = make_node(tmp_path / "bureau", Role.BUREAU)
    result = banktax("party", "card", "--dir", directory, "--out", tmp_path / "card.json")
    assert (result.exit_code, result.stdout) == (0, "")
    card = cards.parse((tmp_path / "card.json").read_bytes())
    assert (card.party_id, card.role, card.name_zh) == ("bureau-1", Role.BUREAU, "银行")
    assert card.endpoint == "127.0.0.1:7601"
    assert "PRIVATE" not in (tmp_path / "card.json").read_text()


def test_trusting_shows_fingerprints_and_asks(tmp_path: Path) -> None:
    directory = make_node(tmp_path / "bank")
    card = tmp_path / "card.json"
    banktax("party", "card", "--dir", make_node(tmp_path / "bureau", Role.BUREAU), "--out", card)
    fingerprint = cards.parse(card.read_bytes()).signing_key_fingerprint
    script = Script()
    with running_control(directory, script):
        for answer in ("n\n", ""):
            refused = banktax("party", "trust", card, "--dir", directory, stdin=answer)
            assert refused.exit_code == 130
            assert fingerprint in refused.stderr
        assert script.requests == []
        assert banktax("party", "trust", card, "--dir", directory, stdin="y\n").exit_code == 0
        quiet = banktax("party", "trust", card, "--yes", "--quiet", "--dir", directory)
    assert fingerprint in quiet.stderr
    assert [request.card for request in script.of("TrustParty")] == [card.read_bytes()] * 2


def test_a_forged_card_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    card = tmp_path / "card.json"
    banktax("party", "card", "--dir", make_node(tmp_path / "bureau", Role.BUREAU), "--out", card)
    card.write_text(card.read_text("utf-8").replace("127.0.0.1:7601", "127.0.0.1:7602"), "utf-8")
    result = banktax("party", "trust", card, "--yes", "--dir", tmp_path)
    assert result.exit_code == 6
    assert "PEER_UNTRUSTED" in result.stderr


def test_an_auditor_runs_no_node_to_call(tmp_path: Path) -> None:
    result = banktax("ledger", "alerts", "--dir", make_node(tmp_path / "auditor", Role.AUDITOR))
    assert result.exit_code == 2
    assert result.stderr.startswith("error WRONG_ROLE: an auditor runs no node")


def test_a_catalogue_is_checked_without_a_node(catalogue: Path, tmp_path: Path) -> None:
    result = banktax("catalogue", "check", catalogue)
    assert (result.exit_code, result.stdout) == (0, "base@2: 3 fields, sound\n")
    (tmp_path / "bad.json").write_text(catalogue.read_text("utf-8").replace('"0.01"', '"0"'), "utf-8")
    result = banktax("catalogue", "check", tmp_path / "bad.json", "--lang", "zh")
    assert result.exit_code == 2
    assert "step" in result.stderr
    assert json.loads(banktax("catalogue", "schema").stdout)["properties"]["catalogue_id"]


def test_a_draft_takes_all_fields_that_models_may_use(catalogue: Path, tmp_path: Path) -> None:
    out = tmp_path / "draft.json"
    result = banktax(
        "agreement", "draft", "--bank", "bank-1", "--bureau", "bureau-1", "--catalogue", catalogue, "--network",
        "10.2.0.0/16", "--from", "2028-02-29", "--limit", "max_rows_per_job", "500",
        "--certification", "sensitive_gain", "0.25", "--certification", "term_days", "30", "--out", out,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    agreement, document = parse_draft(out.read_bytes())
    assert agreement.agreement_id == "bank-1-bureau-1-20280229"
    assert (agreement.fields, agreement.catalogue_version) == (("a", "b"), 2)
    assert agreement.limits.max_rows_per_job == 500
    assert (agreement.certification.sensitive_gain, agreement.certification.term_days) == ("0.25", 30)
    assert agreement.certification.distinct_scores == 2048
    assert [str(purpose) for purpose in agreement.purposes] == ["loan_origination"]
    assert (agreement.valid_until.isoformat(), document.signatures) == ("2029-03-01T00:00:00+00:00", ())


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (("--network", "10.2.0.1/16"), 2, "peer_networks"),
        (("--network", "10.2.0.0/16", "--field", "z"), 6, "no field z"),
        (("--network", "10.2.0.0/16", "--from", "2026-02-01", "--until", "2026-01-01"), 2, "valid_until"),
        (("--network", "10.2.0.0/16", "--certification", "sensitive_gain", "0"), 2, "certification: sensitive_gain"),
        (("--network", "10.2.0.0/16", "--certification", "ordinary_gain", "1.2"), 2, "certification.ordinary_gain"),
        (("--network", "10.2.0.0/16", "--certification", "distinct_scores", "1"), 2, "certification: distinct_scores"),
        (("--network", "10.2.0.0/16", "--certification", "distinct_scores", "few"), 2, "distinct_scores is a whole"),
        (("--network", "10.2.0.0/16", "--certification", "max_bits_per_enterprise", "1"), 2, "max_bits_per_enterprise"),
        (("--network", "10.2.0.0/16", "--certification", "reviewers", "2"), 2, "certification.reviewers"),
    ],
)
def test_a_draft_that_breaks_a_rule_is_refused(catalogue: Path, more: tuple[str, ...], code: int, message: str) -> None:
    result = banktax("agreement", "draft", "--bank", "b", "--bureau", "c", "--catalogue", catalogue, *more)
    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr


def test_a_consent_signed_here_verifies_at_a_bureau(catalogue: Path, tmp_path: Path) -> None:
    (tmp_path / "notice.txt").write_text("告知书", "utf-8")
    environment = {"BANKTAX_ENTERPRISE_PASSPHRASE": "for the key alone"}
    made = banktax("enterprise", "authority", 'Trial "CA"', "--out", tmp_path / "ca", environment=environment)
    assert made.exit_code == 0, made.stderr
    settings = tomllib.loads(made.stdout)["consent"]["authorities"][0]
    issued = banktax(
        "enterprise", "certificate", CODE, "--authority", tmp_path / "ca", "--out", tmp_path, environment=environment
    )
    assert issued.exit_code == 0, issued.stderr
    sign = (
        "consent", "sign", "--key", tmp_path / f"{CODE}.key", "--certificate", tmp_path / f"{CODE}.crt",
        "--bank", "bank-1", "--bureau", "bureau-1", "--catalogue", catalogue, "--maximum-uses", "3",
        "--notice", tmp_path / "notice.txt",
    )  # fmt: skip
    assert banktax(*sign).exit_code == 5, "the key needs its passphrase"
    signed = banktax(*sign, environment=environment)
    assert signed.exit_code == 0, signed.stderr
    authority = Authority(
        settings["name"], Path(settings["certificate"]).read_bytes(), UsccField(settings["uscc_field"])
    )
    verifier = ConsentVerifier((authority,), "bureau-1")
    terms = verifier.verify(signed.stdout.strip(), "bank-1", system_clock())
    assert (terms.uscc, terms.fields, terms.maximum_uses) == (CODE, ("a", "b"), 3)
    assert terms.notice_sha256 == notice_digest("告知书".encode())
    assert signed.stdout.count("\n") == 1


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    assert banktax("enterprise", "authority", "CA", "--out", tmp_path).exit_code == 0
    before = (tmp_path / "authority.key").read_bytes()
    assert (tmp_path / "authority.key").stat().st_mode & 0o777 == 0o600
    assert banktax("enterprise", "authority", "CA", "--out", tmp_path).exit_code == 2
    assert (tmp_path / "authority.key").read_bytes() == before
    bad = banktax("enterprise", "certificate", CODE[:-1] + "Z", "--authority", tmp_path, "--out", tmp_path)
    assert bad.exit_code == 2
    assert CODE[:-1] not in bad.stderr


def test_an_operator_is_added_with_a_key_of_its_own(tmp_path: Path) -> None:
    directory = make_node(tmp_path / "bank")
    result = banktax("operator", "add", "scoring-system", "--dir", directory)
    assert (result.exit_code, result.stdout) == (0, f"{directory}/operator/scoring-system.crt\n")
    with running_control(directory, Script()):
        assert banktax("status", "--operator", "scoring-system", "--dir", directory).exit_code == 0
    assert banktax("operator", "add", "../x", "--dir", directory).exit_code == 2


def test_a_fitted_model_becomes_a_scorecard_file_with_a_report(catalogue: Path, tmp_path: Path) -> None:
    grid = {"from": "1", "to": "99", "by": "1"}
    body = json.loads(catalogue.read_text("utf-8"))
    body["fields"][0]["grid"] = grid
    catalogue.write_text(json.dumps(body), "utf-8")
    bins = {"edges": ["10.4", "50"], "woe": [-0.8, 0.1, 0.9], "missing": -0.2}
    feature = {"name": "a", "coefficient": -0.7, "bins": bins}
    fitted = {"library": "sklearn", "event": "bad", "intercept": -1.2, "features": [feature]}
    (tmp_path / "fitted.json").write_text(json.dumps(fitted))
    settings = {
        "name": "retail", "version": "1", "model_class": "credit_approval", "purposes": ["loan_origination"],
        "expires": "2030-01-01", "scaling": {"base_score": 600, "base_odds": "20", "pdo": "50"},
    }  # fmt: skip
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    (tmp_path / "sample.csv").write_text("a,default\n5,1\n20,0\n70,0\n8,0\n60,1\n90,0\n")
    result = banktax(
        "model", "import", tmp_path / "fitted.json", "--from", "sklearn", "--settings", tmp_path / "settings.json",
        "--catalogue", catalogue, "--sample", tmp_path / "sample.csv", "--out", tmp_path / "card.json",
        "--report", tmp_path / "report.json",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    card = json.loads((tmp_path / "card.json").read_text("utf-8"))
    assert card["fields"][0]["edges"] == ["10", "50"]
    assert "a: 10.4 -> 10" in result.stdout
    assert "edges moved to the grid: 1" in result.stdout
    assert "AUC 0." in result.stdout
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert report["sample"]["rows"] == 6
    assert (tmp_path / "card.json").read_bytes().endswith(b"}\n")
