"""Comparing loan classes through two real nodes over mutual TLS: exact, suppressed, recorded, audited, refused."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from node.certification.office import open_office
from node.certification.opened_set import audit_opened_set
from node.cli.exits import Exit
from node.clock import system_clock
from node.codes import Code, JobState, Purpose, ScreeningMode, ScreeningProtocol
from node.demo.trial import BUREAU
from node.errors import Refusal
from node.jobs.screening_loans import loan_evidence
from protocols.randomness import SystemRandomness
from tests.support.comparing import LOAN_LIST, ComparingTrial
from tests.support.comparing import comparing_trial as comparing_trial
from tests.support.loans import mismatches, some
from tests.support.trial import refusal_of

PROTOCOLS = [ScreeningProtocol.OPRF, ScreeningProtocol.VOLE]
CASES = {
    "one that agrees": (some(1), some(1)),
    "one that mismatches": ({"A": 1}, {"A": 5}),
    "disjoint": (some(20), some(30, start=1_000)),
    "equal": (some(150), some(150)),
    "all mismatch": (dict.fromkeys(some(60), 1), {loan: place % 4 + 2 for place, loan in enumerate(some(60))}),
    "mixed": (some(400, step=1), some(900, start=100, step=3)),
    "odd ids": ({"-": 1, "Z" * 17: 2, "0": 3, "10": 3}, {"-": 2, "Z" * 17: 2, "1": 3, "10": 4}),
}


def audit(trial: ComparingTrial, file: Path, evidence: frozenset[bytes] | None = None) -> tuple[str, ...]:
    """Audit an opened set as ``banktax audit opened-set`` does; returns the loans without evidence."""
    with open_office(trial.trial.trial.auditor.directory, system_clock, SystemRandomness()) as office:
        return audit_opened_set(file, office.key_of, evidence).without_evidence


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("case", CASES)
def test_exactly_the_mismatching_loans_and_the_table(
    comparing_trial: ComparingTrial, protocol: ScreeningProtocol, case: str
) -> None:
    bank, bureau = CASES[case]
    job = comparing_trial.run(bank, comparing_trial.publish(bureau), protocol=protocol)
    assert (job.state, job.protocol, job.codes) == (JobState.DONE, protocol, len(bank)), job.error_detail
    comparing_trial.check(job, bank, bureau)


def test_loans_as_people_type_them_count_once(comparing_trial: ComparingTrial) -> None:
    version = comparing_trial.publish({"LN-1": 1, "LN-2": 2, "LN-3": 3})
    typed = [
        "  ln-1\t正常 ",
        "ＬＮ－１\tNormal",
        "LN-2\t次级类",
        "LN-3\tSpecial Mention",
        "LN 4\tloss",
        "LN-5\tbad",
        "x",
        "",
    ]
    job = comparing_trial.run(typed, version)
    assert (job.rows, job.codes, job.bad_codes, job.duplicates, job.matched) == (7, 3, 3, 1, 1)
    assert comparing_trial.trial.lines(job.job_id)[1:] == ["LN-2,substandard", "LN-3,special-mention"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_both_sign_it_and_an_auditor_makes_it_again(
    comparing_trial: ComparingTrial, tmp_path: Path, protocol: ScreeningProtocol
) -> None:
    bank, trial = some(130), comparing_trial.trial
    job = comparing_trial.run(bank, comparing_trial.publish(some(300, step=2)), protocol=protocol)
    record = trial.record(job.job_id)
    assert len(record["signatures"]) == 2
    body = record["body"]
    assert (body["mode"], body["purpose"], body["protocol"]) == ("classes", Purpose.CLASS_CONSISTENCY, protocol)
    assert body["padded_codes"] >= 2 * len(bank)
    opened = trial.opened_set(job.job_id)
    file = tmp_path / "opened"
    file.write_bytes(opened)
    assert audit(comparing_trial, file) == ()
    lines = "".join(f"{loan}\t{['正常', '关注', '次级', '可疑', '损失'][level - 1]}\n" for loan, level in bank.items())
    assert audit(comparing_trial, file, loan_evidence([lines.encode()])) == ()
    first = next(iter(bank))
    shorter = lines.replace(f"{first}\t正常", f"{first}\t损失")
    assert audit(comparing_trial, file, loan_evidence([shorter.encode()])) == (f"{first} normal",)
    for name in ("codes", "seed", "bureau/table"):
        file.write_bytes(_changed(opened, name))
        with pytest.raises(Refusal) as refused:
            audit(comparing_trial, file)
        assert refused.value.code is Code.RESULT_REJECTED, name


def _changed(content: bytes, name: str) -> bytes:
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(changed, "w") as copy:
        for each in archive.namelist():
            part = archive.read(each)
            at = {"codes": 3, "seed": 0, "bureau/table": len(part) - 1}.get(each, 0)
            copy.writestr(each, part[:at] + bytes([part[at] ^ 1]) + part[at + 1 :] if each == name else part)
    return changed.getvalue()


def test_the_way_at_the_command_line(comparing_trial: ComparingTrial, tmp_path: Path) -> None:
    trial = comparing_trial.trial
    bureau = dict.fromkeys(some(40), 3) | dict.fromkeys(some(40, start=40), 4)
    bank = dict.fromkeys(some(100), 3)
    books = tmp_path / "books.csv"
    books.write_text(
        "借据号,金额,五级分类\n"
        + "".join(f"{loan},1,可疑\n" for loan in some(40, start=40))
        + "".join(f"{loan},1,次级\n" for loan in some(40))
        + "LN-0000001,1,损失\nLN-0000002,1,奇怪\n",
        encoding="gb18030",
    )
    arguments = ("list", "publish", LOAN_LIST, "--version", "cli", "--kind", "loan-classes", "--codes", str(books))
    columns = ("--id-column", "借据号", "--class-column", "五级分类", "--rejects", str(tmp_path / "rejects.csv"))
    published = trial.command(*arguments, *columns, "--json", directory=trial.bureau.directory)
    assert published.returncode == Exit.DONE, published.stderr
    assert json.loads(published.stdout)["codes"] == 2 * 79
    reasons = [line.split(",")[2] for line in (tmp_path / "rejects.csv").read_text().splitlines()[1:]]
    assert sorted(reasons) == ["conflicting_duplicate", "conflicting_duplicate", "unknown_code"]
    del bureau["LN-0000001"]

    loans, out, table = tmp_path / "loans.csv", tmp_path / "mismatches.csv", tmp_path / "confusion.csv"
    loans.write_text("loan_id,loan_class\n" + "".join(f"{loan},substandard\n" for loan in bank) + "LN?,loss\n")
    done = trial.command(
        "compare-classes", "--list", str(loans), "--against", f"{BUREAU}/{LOAN_LIST}@cli", "--out", str(out),
        "--table", str(table), "--json",
    )  # fmt: skip
    assert done.returncode == Exit.DONE, done.stderr
    assert "1 of 101 rows hold no valid loan id and class" in done.stderr
    expected = ["loan_id,loan_class", *(f"{loan},substandard" for loan in mismatches(bank, bureau))]
    assert len(expected) == 41
    assert out.read_text().splitlines() == expected
    assert table.read_text().splitlines()[3] == "substandard,suppressed,suppressed,39,suppressed,suppressed"
    job_id = json.loads(done.stdout)["job_id"]
    again, second = tmp_path / "again.csv", tmp_path / "table.csv"
    fetched = trial.command("screening", "results", job_id, "--out", str(again), "--table", str(second))
    assert fetched.returncode == Exit.DONE, fetched.stderr
    assert (again.read_bytes(), second.read_bytes()) == (out.read_bytes(), table.read_bytes())
    opened = tmp_path / "opened"
    assert trial.command("screening", "open-set", job_id, "--out", str(opened)).returncode == 0
    auditor = trial.trial.auditor.directory
    audited = trial.command("audit", "opened-set", str(opened), "--evidence", str(loans), "--json", directory=auditor)
    assert audited.returncode == 0, audited.stderr
    assert json.loads(audited.stdout)["codes"] == 100
    loans.write_text("loan_id,loan_class\nLN-0000000,substandard\n")
    unproven = trial.command("audit", "opened-set", str(opened), "--evidence", str(loans), directory=auditor)
    assert "99 of 100 loans with this class stand in no evidence" in unproven.stderr


# ---- what is refused


def test_a_loan_with_two_classes_is_refused_before_anything_is_asked(comparing_trial: ComparingTrial) -> None:
    version = comparing_trial.publish(some(3))
    two = ["LN-1\tnormal", "LN-2\tloss", "ln-1\tloss"]
    assert refusal_of(lambda: comparing_trial.submit(two, version)) is Code.INVALID_INPUT
    assert refusal_of(lambda: comparing_trial.submit(["LN 1\tnormal"], version)) is Code.INVALID_INPUT


def test_another_class_for_a_loan_in_a_second_comparison(comparing_trial: ComparingTrial) -> None:
    """Asked class by class, a loan would tell the class that it has at the bureau."""
    bank, version = some(30), comparing_trial.publish(some(60, step=2))
    assert comparing_trial.run(bank, version).state is JobState.DONE
    before = comparing_trial.trial.charged()
    first = next(iter(bank))
    other = comparing_trial.run({**bank, first: bank[first] % 5 + 1}, version)
    assert (other.state, other.error_code) == (JobState.FAILED, Code.INVALID_INPUT)
    assert "another class" in other.error_detail
    fewer = comparing_trial.run({loan: bank[loan] for loan in list(bank)[1:]}, version)
    assert (fewer.state, fewer.error_code) == (JobState.FAILED, Code.INVALID_INPUT)
    assert comparing_trial.trial.charged() == before, "the bureau was asked"
    assert comparing_trial.run(bank, version).state is JobState.DONE, "the same loans tell nothing new"
    newer = comparing_trial.publish(some(60, step=2))
    assert comparing_trial.run({**bank, first: bank[first] % 5 + 1}, newer).state is JobState.DONE


def test_modes_lists_and_purposes_that_do_not_fit(comparing_trial: ComparingTrial) -> None:
    version, trial = comparing_trial.publish(some(3)), comparing_trial.trial
    wrong = comparing_trial.run(some(3), version, purpose=Purpose.LOAN_MONITORING)
    assert (wrong.state, wrong.error_code) == (JobState.FAILED, Code.AGREEMENT_INACTIVE)
    with trial.bank.client() as bank:
        text = [f"{trial.listed[0]}\n".encode()]
        job = bank.screenings.submit(BUREAU, LOAN_LIST, text, purpose=Purpose.CLASS_CONSISTENCY, version=version)
    codes = trial.wait(job.job_id)
    assert (codes.state, codes.error_code) == (JobState.FAILED, Code.INVALID_INPUT)
    loans = trial.run(["LN-1\tloss"], mode=ScreeningMode.CLASSES)
    assert (loans.state, loans.error_code) == (JobState.FAILED, Code.INVALID_INPUT)
    unfitting = refusal_of(lambda: comparing_trial.submit(some(3), version, protocol="cardinality"))
    assert unfitting is Code.INVALID_INPUT
    plain = trial.run(trial.portfolio(1, 1))
    with trial.bank.client() as bank:
        assert refusal_of(lambda: list(bank.screenings.table(plain.job_id))) is Code.NOT_FOUND


def test_more_loans_than_agreed(comparing_trial: ComparingTrial) -> None:
    """Two positions a loan are charged, padded: half as many loans fit as codes."""
    version, before = comparing_trial.publish(some(3)), comparing_trial.trial.charged()
    job = comparing_trial.run(some(50_001), version)
    assert (job.state, job.error_code) == (JobState.FAILED, Code.QUOTA_EXCEEDED)
    assert comparing_trial.trial.charged() == before
    job = comparing_trial.run(some(100), version)
    assert comparing_trial.trial.charged() - before == job.padded_codes == 256


def test_no_log_and_no_file_of_the_bureau_has_a_loan_of_the_bank(comparing_trial: ComparingTrial) -> None:
    """Both nodes log at their most talkative level in this trial."""
    version, trial = comparing_trial.publish({"SEEN-1": 1}), comparing_trial.trial
    asked = {f"HIDDEN-{number}": 2 for number in range(40)}
    for protocol in PROTOCOLS:
        assert comparing_trial.run(asked, version, protocol=protocol).state is JobState.DONE
    said = b"".join(node.log.read_bytes() for node in (trial.bank, trial.bureau))
    content = b"".join(path.read_bytes() for path in trial.bureau.directory.rglob("*") if path.is_file())
    assert b"SEEN-1" in content
    assert b"HIDDEN-" not in said + content
