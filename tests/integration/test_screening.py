"""Screening through two real nodes over mutual TLS: every mode and protocol, exact, recorded, audited."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from node.certification.office import open_office
from node.certification.opened_set import audit_opened_set
from node.cli.exits import Exit
from node.client.screenings import Screening
from node.clock import system_clock
from node.codes import Code, JobState, Purpose, Role, ScreeningMode, ScreeningProtocol
from node.demo.trial import BANK, BUREAU
from node.errors import Refusal
from node.policy import documents, screening_record
from protocols.randomness import SystemRandomness
from tests.support.screening import LIST, MINIMUM_COUNT, ScreeningTrial
from tests.support.screening import screening_trial as screening_trial
from tests.support.trial import paused, refusal_of, wait_until

PROTOCOLS = [ScreeningProtocol.OPRF, ScreeningProtocol.VOLE]


def audit(trial: ScreeningTrial, file: Path, evidence: frozenset[bytes] | None = None) -> tuple[str, ...]:
    """Audit an opened set as ``banktax audit opened-set`` does; returns the codes without evidence."""
    with open_office(trial.trial.auditor.directory, system_clock, SystemRandomness()) as office:
        return audit_opened_set(file, office.key_of, evidence).without_evidence


def changed_set(content: bytes, change: Callable[[dict[str, bytes]], None]) -> bytes:
    """Return an opened set with other parts."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return changed.getvalue()


# ---- what comes out


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("hits", "misses"), [(1, 0), (0, 1), (2, 1), (70, 130), (400, 0)])
def test_exactly_the_codes_that_stand_on_the_list(
    screening_trial: ScreeningTrial, protocol: ScreeningProtocol, hits: int, misses: int
) -> None:
    codes = screening_trial.portfolio(hits, misses)
    job = screening_trial.run(codes, protocol=protocol)
    assert (job.state, job.matched, job.protocol) == (JobState.DONE, hits, protocol)
    screening_trial.check(job, codes)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_codes_as_people_type_them_count_once(screening_trial: ScreeningTrial, protocol: ScreeningProtocol) -> None:
    held, other = screening_trial.listed[0], screening_trial.others[0]
    typed = [f"  {held.lower()} ", "", held, "no code", other, other, held[:-1] + ("A" if held[-1] != "A" else "B")]
    job = screening_trial.run(typed, protocol=protocol)
    assert (job.rows, job.codes, job.bad_codes, job.duplicates) == (6, 2, 2, 2)
    assert screening_trial.lines(job.job_id) == ["uscc", held]


def test_labels_come_with_the_codes_that_match_alone(screening_trial: ScreeningTrial) -> None:
    codes = screening_trial.portfolio(9, 60)
    job = screening_trial.run(codes, mode=ScreeningMode.LABELS)
    assert (job.state, job.protocol) == (JobState.DONE, ScreeningProtocol.OPRF)
    expected = [",".join((code, *screening_trial.label_of(code))) for code in codes if code in screening_trial.listed]
    assert screening_trial.lines(job.job_id) == ["uscc,reason,band", *expected]


def test_a_count_tells_a_number_and_no_code(screening_trial: ScreeningTrial) -> None:
    codes = screening_trial.portfolio(60, 40)
    job = screening_trial.run(codes, mode=ScreeningMode.COUNT)
    assert (job.state, job.protocol, job.matched) == (JobState.DONE, ScreeningProtocol.CARDINALITY, 60)
    assert screening_trial.lines(job.job_id) == ["codes,matched", "100,60"]
    folder = screening_trial.bank.directory / "data" / "screenings" / job.job_id
    kept = {path.name for path in folder.iterdir()}
    assert kept == {"codes", "found", "step-000000", "attempt-000000-000000", "result.csv"}
    assert (folder / "found").read_bytes() == (60).to_bytes(8, "big")


def test_a_count_that_would_tell_of_single_codes_is_refused_before_it_is_asked(
    screening_trial: ScreeningTrial,
) -> None:
    codes = screening_trial.portfolio(50, 50, start=100)
    assert screening_trial.run(codes, mode=ScreeningMode.COUNT).state is JobState.DONE
    before = screening_trial.charged()
    small = screening_trial.run(codes[: MINIMUM_COUNT - 1], mode=ScreeningMode.COUNT)
    assert (small.state, small.error_code) == (JobState.FAILED, Code.INVALID_INPUT)
    one_less = screening_trial.run(codes[1:], mode=ScreeningMode.COUNT)
    assert (one_less.state, one_less.error_code) == (JobState.FAILED, Code.INVALID_INPUT)
    assert "differ" in one_less.error_detail
    assert screening_trial.charged() == before, "the bureau was asked"
    assert screening_trial.run(codes, mode=ScreeningMode.COUNT).state is JobState.DONE, (
        "the same list tells nothing new"
    )


# ---- the choice


def test_the_node_chooses_by_the_sizes_and_shows_what_it_weighed(screening_trial: ScreeningTrial) -> None:
    screening_trial.run(screening_trial.portfolio(1, 1), protocol="oprf")  # the tags are there from here on
    few, many = (screening_trial.run(screening_trial.portfolio(5, misses)) for misses in (10, 1_990))
    for job in (few, many):
        assert job.state is JobState.DONE, (job.error_code, job.error_detail)
        assert job.protocol == ("oprf" if job.estimated_oprf_ms <= job.estimated_vole_ms else "vole")
        assert 0 < job.line_round_trip_us < 10_000_000
        assert job.line_bytes_a_second > 0
        assert screening_trial.record(job.job_id)["body"]["protocol"] == job.protocol
    assert few.protocol == "oprf", "one small batch against tags that are there"
    assert many.estimated_oprf_ms > few.estimated_oprf_ms
    shown = screening_trial.command("screening", "show", many.job_id).stdout
    assert str(many.estimated_vole_ms) in shown


def test_a_protocol_that_is_named_is_weighed_and_taken_all_the_same(screening_trial: ScreeningTrial) -> None:
    job = screening_trial.run(screening_trial.portfolio(5, 10), protocol="vole")
    assert (job.state, job.protocol) == (JobState.DONE, "vole")
    assert 0 < job.estimated_oprf_ms < job.estimated_vole_ms
    labels = screening_trial.run(screening_trial.portfolio(5, 10), mode="labels")
    assert (labels.protocol, labels.estimated_oprf_ms, labels.line_bytes_a_second) == ("oprf", 0, 0)


def test_the_choice_is_logged_with_padded_sizes_alone(screening_trial: ScreeningTrial) -> None:
    codes = screening_trial.portfolio(7, 77)
    job = screening_trial.run(codes)
    lines = screening_trial.bank.log.read_text("utf-8").splitlines()
    (line,) = [line for line in lines if "protocol chosen" in line and job.job_id in line]
    logged = json.loads(line)
    assert (logged["protocol"], logged["codes"], logged["named"]) == (job.protocol, job.padded_codes, False)
    assert str(len(codes)) not in {str(value) for value in logged.values()}


# ---- the record


@pytest.mark.parametrize(
    ("mode", "protocol"),
    [("codes", "oprf"), ("codes", "vole"), ("labels", "oprf"), ("count", "cardinality")],
)
def test_both_sign_what_was_asked_and_an_auditor_makes_it_again(
    screening_trial: ScreeningTrial, tmp_path: Path, mode: str, protocol: str
) -> None:
    codes = screening_trial.portfolio(70, 50, start=200)
    job = screening_trial.run(codes, mode=mode, protocol=protocol)
    assert job.state is JobState.DONE, (job.error_code, job.error_detail)
    record = screening_trial.record(job.job_id)
    assert {entry["party"] for entry in record["signatures"]} == {BANK, BUREAU}
    body = record["body"]
    assert (body["protocol"], body["mode"], body["purpose"]) == (protocol, mode, Purpose.PORTFOLIO_SCREENING)
    assert (body["padded_codes"], body["transcript_digest"]) == (job.padded_codes, job.transcript_digest)
    assert body["padded_codes"] >= len(codes)
    query = "SELECT record FROM bureau_screenings WHERE job_id = ?"
    assert json.loads(screening_trial.look(screening_trial.bureau, query, bytes.fromhex(job.job_id))[0][0]) == record

    opened = screening_trial.opened_set(job.job_id)
    file = tmp_path / "opened"
    file.write_bytes(opened)
    assert audit(screening_trial, file) == ()
    evidence = frozenset(code.encode() for code in codes[1:])
    assert audit(screening_trial, file, evidence) == (codes[0],)
    check_tampering_is_seen(screening_trial, file, opened)


def check_tampering_is_seen(trial: ScreeningTrial, file: Path, opened: bytes) -> None:
    """An opened set with another code, seed, answer of the bureau or record is refused."""

    def other_code(parts: dict[str, bytes]) -> None:
        parts["codes"] = trial.others[-1].encode() + parts["codes"][18:]

    def fewer_codes(parts: dict[str, bytes]) -> None:
        parts["codes"] = parts["codes"][:-18]

    def other_seed(parts: dict[str, bytes]) -> None:
        parts["seed"] = bytes(32)

    def other_answer(parts: dict[str, bytes]) -> None:
        name = "parts" if "parts" in parts else "bureau/000000"
        parts[name] = parts[name][:-1] + bytes([parts[name][-1] ^ 1])

    def no_answer(parts: dict[str, bytes]) -> None:
        parts["parts" if "parts" in parts else "bureau/000000"] = b""

    def other_record(parts: dict[str, bytes]) -> None:
        parts["record.json"] = parts["record.json"].replace(b"portfolio_screening", b"size_classification")

    for change, code in (
        (other_code, Code.RESULT_REJECTED),
        (fewer_codes, Code.RESULT_REJECTED),
        (other_seed, Code.RESULT_REJECTED),
        (other_answer, Code.RESULT_REJECTED),
        (no_answer, Code.RESULT_REJECTED),
        (other_record, Code.PEER_UNTRUSTED),
    ):
        file.write_bytes(changed_set(opened, change))
        assert refusal_of(lambda: audit(trial, file)) is code, change.__name__
    file.write_bytes(opened[:-100])
    assert refusal_of(lambda: audit(trial, file)) is Code.INVALID_INPUT


def test_a_record_with_one_signature_is_no_record(screening_trial: ScreeningTrial) -> None:
    job = screening_trial.run(screening_trial.portfolio(1, 1), protocol="oprf")
    with screening_trial.bank.client() as bank:
        signed = documents.decode(bank.screenings.record(job.job_id), screening_record.RECORD_KIND)
    one = documents.SignedDocument(signed.kind, signed.canonical_body, signed.signatures[:1])
    with open_office(screening_trial.trial.auditor.directory, system_clock, SystemRandomness()) as office:
        named = screening_record.ScreeningRecord.from_body(signed.body)
        keys = {
            named.bank: office.key_of(named.bank, Role.BANK),
            named.bureau: office.key_of(named.bureau, Role.BUREAU),
        }
        screening_record.verify(signed, keys, frozenset(keys))
        assert refusal_of(lambda: screening_record.verify(one, keys, frozenset(keys))) is Code.PEER_UNTRUSTED


# ---- the command


def test_the_command_end_to_end(screening_trial: ScreeningTrial, tmp_path: Path) -> None:
    codes = screening_trial.portfolio(30, 90)
    portfolio, out = tmp_path / "portfolio.csv", tmp_path / "hits.csv"
    portfolio.write_text(
        "客户,代码\n" + "".join(f"c{n},{code}\n" for n, code in enumerate(codes)) + "c,bad\n", "gb18030"
    )
    against = ("--against", f"{BUREAU}/{LIST}", "--purpose", "portfolio_screening", "--protocol", "vole")
    done = screening_trial.command(
        "screen", "--list", str(portfolio), "--out", str(out), "--code-column", "代码", *against, "--json"
    )
    assert done.returncode == Exit.DONE, done.stderr
    assert "1 of 121 rows hold no valid code" in done.stderr
    assert out.read_text().splitlines() == ["uscc", *(code for code in codes if code in screening_trial.listed)]
    shown = json.loads(done.stdout)
    assert (shown["matched"], shown["protocol"], shown["version"]) == (30, "vole", "1")
    opened = tmp_path / "opened"
    assert screening_trial.command("screening", "open-set", shown["job_id"], "--out", str(opened)).returncode == 0
    auditor = screening_trial.trial.auditor.directory
    audited = screening_trial.command("audit", "opened-set", str(opened), "--json", directory=auditor)
    assert audited.returncode == 0, audited.stderr
    assert json.loads(audited.stdout)["transcript_digest"] == shown["transcript_digest"]
    evidence = tmp_path / "contracts.csv"
    evidence.write_text("uscc\n" + "".join(f"{code}\n" for code in codes[2:]))
    unproven = screening_trial.command(
        "audit", "opened-set", str(opened), "--evidence", str(evidence), directory=auditor
    )
    assert unproven.returncode != 0
    assert "2 of 120 codes stand in no evidence" in unproven.stderr


# ---- what is refused


def failed(job: Screening) -> tuple[JobState, str]:
    return job.state, job.error_code


def test_what_the_agreement_does_not_cover(screening_trial: ScreeningTrial) -> None:
    codes = screening_trial.portfolio(1, 1)
    wrong = screening_trial.run(codes, purpose=Purpose.SIZE_CLASSIFICATION)
    assert failed(wrong) == (JobState.FAILED, Code.AGREEMENT_INACTIVE)
    assert refusal_of(lambda: screening_trial.submit(codes, purpose="curiosity")) is Code.INVALID_INPUT
    unknown = screening_trial.run(codes, version="77")
    assert failed(unknown) == (JobState.FAILED, Code.NOT_FOUND)


def test_modes_and_protocols_that_do_not_fit(screening_trial: ScreeningTrial) -> None:
    codes = screening_trial.portfolio(1, 1)
    for options in (
        {"mode": "labels", "protocol": "vole"},
        {"mode": "count", "protocol": "oprf"},
        {"mode": "everything"},
        {"protocol": "telepathy"},
    ):
        assert refusal_of(partial(screening_trial.submit, codes, **options)) is Code.INVALID_INPUT
    assert refusal_of(lambda: screening_trial.submit(["not a code", ""])) is Code.INVALID_INPUT


def test_the_same_key_is_the_same_screening(screening_trial: ScreeningTrial) -> None:
    codes = screening_trial.portfolio(2, 2)
    first = screening_trial.submit(codes, idempotency_key="quarter-3", protocol="oprf")
    assert screening_trial.submit(codes, idempotency_key="quarter-3", protocol="oprf").job_id == first.job_id
    other = screening_trial.portfolio(2, 3)
    conflict = refusal_of(lambda: screening_trial.submit(other, idempotency_key="quarter-3", protocol="oprf"))
    assert conflict is Code.IDEMPOTENCY_CONFLICT


def test_an_upload_that_breaks_off_leaves_nothing(screening_trial: ScreeningTrial) -> None:
    def broken() -> object:
        yield f"{screening_trial.listed[0]}\n".encode()
        raise ConnectionError

    folder = screening_trial.bank.directory / "data" / "screenings"
    before = {path.name for path in folder.iterdir()}
    with screening_trial.bank.client() as bank:
        count = len(bank.screenings.list(limit=1000))
        with pytest.raises((ConnectionError, Refusal)):
            bank.screenings.submit(BUREAU, LIST, broken(), purpose=Purpose.PORTFOLIO_SCREENING)  # type: ignore[arg-type]
        assert len(bank.screenings.list(limit=1000)) == count
    assert {path.name for path in folder.iterdir()} == before


CASES = """
screen --list {folder}/none.csv --against {bureau}/{list}                              | INVALID_INPUT none.csv
screen --list {folder}/binary.csv --against {bureau}/{list}                            | INVALID_INPUT binary.csv
screen --list {folder}/no.parquet --against {bureau}/{list}                            | INVALID_INPUT no.parquet
screen --list {folder}/list.csv --against {bureau}/{list} --code-column taxpayer       | INVALID_INPUT taxpayer
screen --list {folder}/empty.csv --against {bureau}/{list}                             | INVALID_INPUT empty.csv
screen --list {folder}/names.csv --against {bureau}/{list}                             | INVALID_INPUT no valid code
screen --list {folder}/list.csv --against {list}                                       | INVALID_INPUT --against
screen --list {folder}/list.csv --against {bureau}/unheard                             | NOT_FOUND
screen --list {folder}/list.csv --against nobody/{list}                                | PEER_UNTRUSTED nobody
screen --list {folder}/list.csv --against {bureau}/{list} --mode labels --protocol vole | INVALID_INPUT labels
"""


@pytest.mark.parametrize("case", CASES.strip().splitlines(), ids=lambda case: case.split("|")[1].strip())
def test_wrong_input_at_the_command_line(screening_trial: ScreeningTrial, tmp_path: Path, case: str) -> None:
    (tmp_path / "list.csv").write_text(f"uscc\n{screening_trial.listed[0]}\n")
    (tmp_path / "names.csv").write_text("uscc\nsomebody\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)) * 4)
    (tmp_path / "no.parquet").write_bytes(b"PAR1 and nothing more")
    line, _, expected = case.partition("|")
    code, *words = expected.split()
    arguments = line.format(folder=tmp_path, bureau=BUREAU, list=LIST).split()
    out = tmp_path / "out.csv"
    result = screening_trial.command(*arguments, "--out", str(out), "--purpose", "portfolio_screening")
    assert result.returncode not in (0, None)
    assert code in result.stderr
    assert " ".join(words) in result.stderr
    assert "Traceback" not in result.stderr
    assert not out.exists()


# ---- what stands nowhere


def holding(folder: Path, wanted: dict[str, bytes], leave_out: tuple[str, ...] = ()) -> set[tuple[str, str]]:
    """Return which of the wanted bytes stand in which files below a folder."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in leave_out]
    assert any(path.name == "node.db" for path in files)
    assert any(path.name == "node.log" for path in files)
    contents = {str(path.relative_to(folder)): path.read_bytes() for path in files}
    return {(name, what) for name, content in contents.items() for what, data in wanted.items() if data in content}


def test_no_seed_and_no_code_stands_where_it_should_not(screening_trial: ScreeningTrial) -> None:
    """Canaries of every mode and protocol, looked for in databases, logs and files of both nodes."""
    codes = screening_trial.portfolio(60, 70, start=330)
    misses = [code for code in codes if code not in screening_trial.listed]
    seeds: dict[str, bytes] = {}
    for mode, protocol in (("codes", "oprf"), ("codes", "vole"), ("labels", "oprf"), ("count", "cardinality")):
        job = screening_trial.run(codes, mode=mode, protocol=protocol)
        assert job.state is JobState.DONE, (job.error_code, job.error_detail)
        with zipfile.ZipFile(io.BytesIO(screening_trial.opened_set(job.job_id))) as archive:
            seed = archive.read("seed")
        seeds |= {f"{protocol} {mode}": seed, f"{protocol} {mode} hex": seed.hex().encode()}
    assert len(set(seeds.values())) == 8, "two screenings have one seed"
    at_bureau = {**seeds, **{f"code {place}": code.encode() for place, code in enumerate(misses)}}
    assert holding(screening_trial.bureau.directory, at_bureau) == set()
    at_bank = {**seeds, **{f"code {place}": code.encode() for place, code in enumerate(codes)}}
    assert holding(screening_trial.bank.directory, at_bank, leave_out=("codes", "result.csv")) == set()
    assert holding(screening_trial.bank.directory, at_bank), "the search finds nothing at all"


# ---- cancelling


def _admitting(trial: ScreeningTrial, job_id: str) -> bool:
    return trial.get(job_id).state is JobState.ADMITTING


def test_a_screening_is_cancelled_while_the_bureau_does_not_answer(screening_trial: ScreeningTrial) -> None:
    codes = screening_trial.portfolio(4, 4)
    for protocol in PROTOCOLS:
        with paused(screening_trial.bureau):
            job = screening_trial.submit(codes, protocol=protocol)
            wait_until(partial(_admitting, screening_trial, job.job_id))
            with screening_trial.bank.client() as bank:
                assert bank.screenings.cancel(job.job_id).state is JobState.CANCELLED
        with screening_trial.bank.client() as bank:
            assert refusal_of(partial(bank.screenings.resume, job.job_id)) is Code.WRONG_STATE
            assert refusal_of(partial(bank.screenings.cancel, job.job_id)) is Code.WRONG_STATE
        assert refusal_of(partial(screening_trial.lines, job.job_id)) is Code.WRONG_STATE
    after = screening_trial.run(codes, protocol="oprf")
    assert after.state is JobState.DONE
    with screening_trial.bank.client() as bank:
        assert refusal_of(lambda: bank.screenings.cancel(after.job_id)) is Code.WRONG_STATE


def test_a_screening_is_cancelled_while_it_computes(screening_trial: ScreeningTrial) -> None:
    codes = screening_trial.portfolio(200, 2_000)
    job = screening_trial.submit(codes, protocol="vole")
    query = "SELECT state FROM bank_screenings WHERE job_id = ?"
    key = bytes.fromhex(job.job_id)
    wait_until(lambda: screening_trial.look(screening_trial.bank, query, key) == [("computing",)], pause=0.001)
    with paused(screening_trial.bureau), screening_trial.bank.client() as bank:
        assert bank.screenings.cancel(job.job_id).state is JobState.CANCELLED
    closed = "SELECT state, record FROM bureau_screenings WHERE job_id = ?"
    wait_until(lambda: screening_trial.look(screening_trial.bureau, closed, key) == [("cancelled", None)])
    assert screening_trial.get(job.job_id).state is JobState.CANCELLED


# ---- what a node writes about itself


def test_no_log_and_no_file_of_the_bureau_has_a_code_of_the_bank(screening_trial: ScreeningTrial) -> None:
    """Both nodes log at their most talkative level in this trial."""
    asked = screening_trial.others[-40:]
    for protocol in PROTOCOLS:
        assert screening_trial.run(asked, protocol=protocol).state is JobState.DONE
    said = [node.log.read_bytes() for node in (screening_trial.bank, screening_trial.bureau)]
    assert all(said), "nothing was logged: the test looks at nothing"
    folder = screening_trial.bureau.directory
    content = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert screening_trial.listed[0].encode() in content
    for code in asked:
        assert all(code.encode() not in text for text in (*said, content))
