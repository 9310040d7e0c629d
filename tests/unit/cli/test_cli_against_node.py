"""Commands against a real control server over TLS: what they ask, print, write, and end with."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.client.jobs import Jobs
from node.codes import Code
from protos import control_pb2 as pb
from tests.support.cli import banktax
from tests.support.control_server import JOB_ID, Script, make_node, refusal, running_control

CODE = "91350100M000100Y43"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_node(tmp_path_factory.mktemp("commands") / "bank")


@pytest.fixture
def script(directory: Path) -> Iterator[Script]:
    made = Script(rows=[pb.ScoreRow(uscc=CODE, status="scored", score=612, bank_part=500, tax_part=112)])
    with running_control(directory, made):
        yield made


@pytest.fixture
def applicants(tmp_path: Path) -> Path:
    path = tmp_path / "applicants.csv"
    path.write_text(f"uscc,age\n{CODE},41\nx,\n", "utf-8")
    return path


def test_status_prints_and_warns(script: Script, directory: Path) -> None:
    result = banktax("status", "--dir", directory)
    assert result.exit_code == 0, result.stderr
    assert "bank-1" in result.stdout
    assert "2027-01-15 08:00:00Z" in result.stdout
    assert result.stderr == "warning: uncertified models are allowed\n"


def test_json_is_for_programs(script: Script, directory: Path) -> None:
    found = json.loads(banktax("party", "list", "--json", "--dir", directory).stdout)
    assert found[0]["certificate_fingerprints"] == ["ab", "cd"]
    found = json.loads(banktax("status", "--json", "--dir", directory).stdout)
    assert found["started_at"] == "2027-01-15T08:00:00Z"


def test_a_name_from_elsewhere_cannot_steer_the_terminal(script: Script, directory: Path) -> None:
    result = banktax("party", "list", "--dir", directory)
    assert "Bureau\ufffd[31m" in result.stdout
    assert "\x1b" not in result.stdout


def test_a_refusal_of_the_node_is_one_line_and_its_side_s_exit_code(script: Script, directory: Path) -> None:
    script.refusals["GetStatus"] = refusal()
    result = banktax("status", "--dir", directory)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "error WRONG_STATE: the model is not built (the caller's side; Build it.)\n"


def test_a_node_that_does_not_run_is_said_so(directory: Path) -> None:
    result = banktax("job", "list", "--dir", directory)
    assert result.exit_code == 5
    assert result.stderr.startswith("error NODE_NOT_RUNNING: no answer at the control address 127.0.0.1:")


def test_an_operator_without_a_key_is_told(script: Script, directory: Path) -> None:
    result = banktax("status", "--operator", "nobody", "--dir", directory)
    assert result.exit_code == 5
    assert "KEY_UNAVAILABLE" in result.stderr


def test_a_key_that_others_may_read_is_refused(script: Script, directory: Path) -> None:
    key = directory / "operator" / "operator.key"
    key.chmod(0o644)
    try:
        result = banktax("status", "--dir", directory)
    finally:
        key.chmod(0o600)
    assert result.exit_code == 5
    assert "chmod 600" in result.stderr


def test_submit_follows_and_writes_the_scores(script: Script, directory: Path, applicants: Path) -> None:
    out = applicants.with_name("scores.csv")
    result = banktax(
        "score", "submit", "--model", "retail@3", "--list", applicants, "--out", out, "--idempotency-key", "k1",
        "--label", "June", "--dir", directory,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    header, rows, _ = script.of("SubmitScore")
    assert list(header.header.bank_fields) == ["age"]
    assert (header.header.model, header.header.idempotency_key, header.header.label) == ("retail@3", "k1", "June")
    assert [(row.uscc, list(row.values)) for row in rows.rows.rows] == [(CODE, ["41"]), ("x", [""])]
    assert out.read_text().splitlines()[1] == f"{CODE},scored,,612,500,112,,"
    assert f"job {JOB_ID}" in result.stderr
    assert "NO_CONSENT 2" in result.stdout


def test_submit_to_a_pipe_prints_scores_alone(script: Script, directory: Path, applicants: Path) -> None:
    result = banktax(
        "score", "submit", "--model", "m", "--list", applicants, "--out", "-", "--quiet", "--dir", directory
    )
    assert result.exit_code == 0
    assert [row["score"] for row in csv.DictReader(result.stdout.splitlines())] == ["612"]
    assert result.stderr == ""


def test_submit_without_following_prints_the_job_and_what_to_do_next(
    script: Script, directory: Path, applicants: Path
) -> None:
    out = applicants.with_name("scores.parquet")
    result = banktax(
        "score", "submit", "--model", "m", "--list", applicants, "--out", out, "--no-follow", "--dir", directory
    )
    assert (result.exit_code, result.stdout) == (0, f"{JOB_ID}\n")
    assert f"banktax job follow {JOB_ID} --out {out} --dir {directory}" in result.stderr
    assert not out.exists()
    assert script.of("FollowJob") == []


@pytest.mark.parametrize(("state", "code"), [("failed", 1), ("cancelled", 4)])
def test_a_job_without_a_result_says_so_and_writes_nothing(
    script: Script, directory: Path, applicants: Path, state: str, code: int
) -> None:
    script.job_states = ("queued", state)
    out = applicants.with_name("scores.csv")
    result = banktax("score", "submit", "--model", "m", "--list", applicants, "--out", out, "--dir", directory)
    assert result.exit_code == code
    assert not out.exists()
    assert ("error PEER_UNREACHABLE: no answer from the bureau" in result.stderr) == (state == "failed")


def test_ctrl_c_while_following_says_that_the_job_goes_on(
    script: Script, directory: Path, applicants: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> Iterator[object]:
        yield from ()
        raise KeyboardInterrupt

    monkeypatch.setattr(Jobs, "follow", interrupted)
    out = applicants.with_name("scores.csv")
    result = banktax("score", "submit", "--model", "m", "--list", applicants, "--out", out, "--dir", directory)
    assert result.exit_code == 130
    assert f"the job goes on; follow it again: banktax job follow {JOB_ID}" in result.stderr


def test_nothing_is_submitted_where_the_output_cannot_be_written(
    script: Script, directory: Path, applicants: Path
) -> None:
    for out in (applicants.with_name("scores.xlsx"), applicants.parent / "no" / "scores.csv"):
        result = banktax("score", "submit", "--model", "m", "--list", applicants, "--out", out, "--dir", directory)
        assert result.exit_code == 2
    assert script.requests == []


def test_a_fault_in_the_list_is_named_and_the_job_not_made(script: Script, directory: Path, tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("uscc,a\nx,1\ny,2,3\n")
    result = banktax(
        "score", "submit", "--model", "m", "--list", tmp_path / "l.csv", "--out", tmp_path / "o.csv", "--dir", directory
    )
    assert result.exit_code == 2
    assert "line 3 has more cells than the header" in result.stderr
    assert not script.whole


def test_one_score_is_printed_whole(script: Script, directory: Path, tmp_path: Path) -> None:
    (tmp_path / "consent.jws").write_text("a.b.c\n")
    result = banktax(
        "score", "one", CODE, "--model", "m", "--value", "age=41", "--value", "note=a=b", "--consent",
        tmp_path / "consent.jws", "--json", "--dir", directory,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["score"] == 612
    asked = script.of("ScoreOne")[0]
    assert (dict(asked.bank_values), asked.consent) == ({"age": "41", "note": "a=b"}, "a.b.c")


def test_one_enterprise_without_a_score_ends_with_three(script: Script, directory: Path) -> None:
    script.rows = [pb.ScoreRow(uscc=CODE, status="refused", reason="CONSENT_EXPIRED")]
    result = banktax("score", "one", CODE, "--model", "m", "--dir", directory)
    assert result.exit_code == 3
    assert "CONSENT_EXPIRED" in result.stdout


def test_consents_are_counted_and_reported(script: Script, directory: Path, tmp_path: Path) -> None:
    script.refused_consents = frozenset({"c3"})
    (tmp_path / "a.jws").write_text("c1\n\n c2 \n")
    result = banktax(
        "consent", "register", tmp_path / "a.jws", "-", "--report", tmp_path / "r.csv", "--bureau", "bureau-1",
        "--dir", directory, stdin="c3\n",
    )  # fmt: skip
    assert result.exit_code == 3
    assert result.stdout.split() == [
        "state",
        "reason",
        "consents",
        "registered",
        "2",
        "refused",
        "CONSENT_EXPIRED",
        "1",
    ]
    assert (tmp_path / "r.csv").read_text().splitlines() == [
        "place,consent_id,uscc,state,reason",
        f"1,c1,{CODE},registered,",
        f"2,c2,{CODE},registered,",
        "3,c3,,refused,CONSENT_EXPIRED",
    ]
    assert [list(frame.consents) for frame in script.of("RegisterConsents")] == [["c1", "c2", "c3"]]


def test_consents_that_are_all_registered_end_with_zero(script: Script, directory: Path) -> None:
    assert banktax("consent", "register", "-", "--dir", directory, stdin="c1\n").exit_code == 0
    result = banktax("consent", "register", "-", "--dir", directory, stdin="\n")
    assert result.exit_code == 2
    assert "hold no consent" in result.stderr


def reject(row: int) -> pb.DataReject:
    return pb.DataReject(row=row, field="sales", reason="RANGE")


def test_an_import_with_rejects_ends_with_zero_and_writes_them(script: Script, directory: Path, tmp_path: Path) -> None:
    (tmp_path / "tax.csv").write_bytes(b"uscc,sales\n" + b"x" * 2_500_000)
    script.data_progress = [
        pb.DataProgress(rows=3, accepted=2, rejected=1, rejects=[reject(2)]),
        pb.DataProgress(rows=3, accepted=2, rejected=1, feature_set=pb.FeatureSet(feature_set="f1", rows=2)),
    ]
    result = banktax(
        "data", "import", tmp_path / "tax.csv", "--catalogue", "base@4", "--as-of", "2026-06-30", "--name", "q2",
        "--dir", directory,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert "f1" in result.stdout
    assert "warning: 1 of 3 rows were rejected and 2 accepted" in result.stderr
    assert (tmp_path / "tax.csv.rejects.csv").read_text() == "row,field,reason\n2,sales,RANGE\n"
    header, *parts = script.of("ImportData")
    assert (header.header.catalogue_id, header.header.catalogue_version, header.header.format) == ("base", 4, "csv")
    assert (header.header.name, header.header.as_of) == ("q2", "2026-06-30")
    assert b"".join(part.content for part in parts) == (tmp_path / "tax.csv").read_bytes()


@pytest.mark.parametrize("how", ["an answer", "a refusal"])
def test_an_import_that_accepts_nothing_ends_with_one(
    script: Script, directory: Path, tmp_path: Path, how: str
) -> None:
    (tmp_path / "tax.csv").write_text("uscc,sales\nx,1\n")
    script.data_progress = [pb.DataProgress(rows=1, rejected=1, rejects=[reject(1)])]
    script.after_data = refusal(Code.INVALID_INPUT) if how == "a refusal" else None
    result = banktax(
        "data", "import", tmp_path / "tax.csv", "--catalogue", "base", "--as-of", "2026-06-30", "--name", "q2",
        "--rejects", tmp_path / "bad.csv", "--dir", directory,
    )  # fmt: skip
    assert result.exit_code == 1
    assert "nothing was imported" in result.stderr
    assert (tmp_path / "bad.csv").read_text().splitlines()[1:] == ["1,sales,RANGE"]


def test_a_clean_import_writes_no_reject_file(script: Script, directory: Path, tmp_path: Path) -> None:
    (tmp_path / "tax.parquet").write_bytes(b"PAR1")
    script.data_progress = [pb.DataProgress(rows=1, accepted=1, feature_set=pb.FeatureSet(feature_set="f1"))]
    result = banktax(
        "data", "import", tmp_path / "tax.parquet", "--catalogue", "base", "--as-of", "2026-06-30", "--name", "q2",
        "--dir", directory,
    )  # fmt: skip
    assert (result.exit_code, result.stderr) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["tax.parquet"]
    assert script.of("ImportData")[0].header.format == "parquet"


def test_postgresql_is_read_by_the_node_and_its_url_kept_off_the_line(script: Script, directory: Path) -> None:
    script.data_progress = [pb.DataProgress(rows=1, accepted=1, feature_set=pb.FeatureSet(feature_set="f1"))]
    url = "postgresql://reader:secret@db/tax"
    result = banktax(
        "data", "import", "--table", "tax.q2", "--catalogue", "base", "--as-of", "2026-06-30", "--name", "q2",
        "--dir", directory, environment={"BANKTAX_IMPORT_POSTGRESQL": url},
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    header = script.of("ImportData")[0].header
    assert (header.format, header.postgresql_url, header.postgresql_query) == ("postgresql", url, "tax.q2")
    assert "secret" not in result.output


def test_frequencies_are_written_whole(script: Script, directory: Path, tmp_path: Path) -> None:
    out = tmp_path / "frequencies.json"
    asked = ("data", "frequencies", "--for", "auditor-1", "--feature-set", "f1", "-o", out, "--dir", directory)
    result = banktax(*asked)
    assert (result.exit_code, result.stdout) == (0, ""), result.stderr
    assert out.read_bytes() == b'{"kind": "frequencies"}'
    (request,) = script.of("IssueFrequencies")
    assert (request.auditor, request.feature_set) == ("auditor-1", "f1")


def test_frequencies_that_are_cut_off_leave_no_file(script: Script, directory: Path, tmp_path: Path) -> None:
    script.whole_document = False
    out = tmp_path / "frequencies.json"
    result = banktax("data", "frequencies", "--for", "auditor-1", "-o", out, "--dir", directory)
    assert result.exit_code != 0
    assert "cut off" in result.stderr
    assert list(tmp_path.glob("*frequencies*")) == []


def test_a_model_is_built_and_shown(script: Script, directory: Path, tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text("{}")
    result = banktax("model", "build", tmp_path / "card.json", "--engine", "paillier", "--dir", directory)
    assert result.exit_code == 0, result.stderr
    assert "-56.5" in result.stdout
    assert script.of("BuildModel")[0].engine == "paillier"
    assert json.loads(banktax("model", "show", "retail@3", "--json", "--dir", directory).stdout)["model_id"] == "ee"
    assert banktax("model", "show", "retail@4", "--dir", directory).exit_code == 2


def test_a_dossier_is_written_whole_or_not_at_all(script: Script, directory: Path, tmp_path: Path) -> None:
    out = tmp_path / "retail.dossier"
    asked = ("model", "dossier", "retail@3", "--auditor", "auditor-1", "-o", out, "--dir", directory)
    result = banktax(*asked)
    assert result.exit_code == 0, result.stderr
    assert out.read_bytes() == b"sealed, for an auditor"
    assert out.stat().st_mode & 0o077 == 0
    (request,) = script.of("WriteDossier")
    assert (request.model, request.auditor) == ("retail@3", "auditor-1")
    out.unlink()
    script.whole_document = False
    cut = banktax(*asked)
    assert cut.exit_code != 0
    assert "before it was whole" in cut.stderr
    assert list(tmp_path.glob("*retail*")) == []


def test_job_follow_fetches_into_a_file(script: Script, directory: Path, tmp_path: Path) -> None:
    result = banktax("job", "follow", JOB_ID, "--out", tmp_path / "s.csv", "--dir", directory)
    assert result.exit_code == 0, result.stderr
    assert CODE in (tmp_path / "s.csv").read_text()
    script.job_states = ("failed",)
    assert banktax("job", "follow", JOB_ID, "--dir", directory).exit_code == 1


def test_a_table_in_a_pipe_keeps_lines_whole(script: Script, directory: Path) -> None:
    lines = banktax("model", "list", "--dir", directory, environment={"COLUMNS": "40"}).stdout.splitlines()
    assert len(lines) == 2
    assert all(line == line.rstrip() for line in lines)
