"""The typed client against a real server over mutual TLS: mapping, deadlines, refusals, streams."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from node.client.access import ControlAccess
from node.client.calls import Deadlines
from node.client.control import ControlClient
from node.client.data import DataImport
from node.client.results import Applicant
from node.codes import Code, JobState, Side
from node.errors import Refusal
from protos import control_pb2 as pb
from tests.support.control_server import JOB_ID, Script, make_node, refusal, running_control


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_node(tmp_path_factory.mktemp("client") / "bank")


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def client(directory: Path, script: Script) -> Iterator[ControlClient]:
    with running_control(directory, script), ControlClient.for_directory(directory) as opened:
        yield opened


def test_status_becomes_a_dataclass_with_an_aware_time(client: ControlClient) -> None:
    found = client.status()
    assert (found.party_id, found.role) == ("bank-1", "bank")
    assert found.started_at == datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
    assert found.warnings == ("uncertified models are allowed",)


def test_suspending_and_resuming_are_told_apart(client: ControlClient, script: Script) -> None:
    assert client.parties.suspend("bureau-1").state == "suspended"
    assert client.parties.resume("bureau-1").state == "trusted"
    assert [request.resume for request in script.of("SuspendParty")] == [False, True]


def test_a_refusal_arrives_with_code_side_and_remedy(client: ControlClient, script: Script) -> None:
    script.refusals["ListParties"] = refusal()
    with pytest.raises(Refusal) as caught:
        client.parties.list()
    assert caught.value.code is Code.WRONG_STATE
    assert (caught.value.detail, caught.value.side) == ("the model is not built", Side.CALLER)
    assert caught.value.remedy == "Build it."


def test_a_refusal_in_the_middle_of_an_upload_arrives(client: ControlClient, script: Script) -> None:
    script.refusals["SubmitScore"] = refusal(Code.MODEL_UNKNOWN)
    with pytest.raises(Refusal) as caught:
        client.scores.submit("retail", (Applicant(str(number)) for number in range(50_000)))
    assert caught.value.code is Code.MODEL_UNKNOWN


def test_a_call_ends_at_its_deadline(directory: Path, script: Script) -> None:
    script.delay = 3.0
    with (
        running_control(directory, script),
        ControlClient.for_directory(directory, deadlines=Deadlines(unary=0.3)) as client,
        pytest.raises(Refusal) as caught,
    ):
        client.status()
    assert caught.value.code is Code.DEADLINE_EXCEEDED


def test_a_stream_ends_at_its_deadline(directory: Path, script: Script) -> None:
    script.delay = 1.0
    with (
        running_control(directory, script),
        ControlClient.for_directory(directory, deadlines=Deadlines(stream=0.3)) as client,
        pytest.raises(Refusal) as caught,
    ):
        list(client.consents.register(["a"] * 300))
    assert caught.value.code is Code.DEADLINE_EXCEEDED


def test_a_node_that_is_not_there_is_named_so(directory: Path, script: Script) -> None:
    with running_control(directory, script):
        pass
    with ControlClient.for_directory(directory) as client, pytest.raises(Refusal) as caught:
        client.status()
    assert caught.value.code is Code.NODE_NOT_RUNNING
    assert "127.0.0.1:" in caught.value.detail


def test_another_server_certificate_is_not_trusted(directory: Path, tmp_path: Path, script: Script) -> None:
    other = make_node(tmp_path / "other")
    with running_control(directory, script):
        access = ControlAccess.from_directory(directory)
        forged = replace(access, server_certificate=(other / "keys" / "tls.crt").read_bytes())
        with ControlClient(forged) as client, pytest.raises(Refusal) as caught:
            client.status()
    assert caught.value.code is Code.PEER_UNTRUSTED
    assert script.requests == []


def test_a_stranger_s_operator_certificate_gets_nothing(directory: Path, tmp_path: Path, script: Script) -> None:
    stranger = make_node(tmp_path / "stranger") / "operator"
    with running_control(directory, script):
        access = replace(
            ControlAccess.from_directory(directory),
            operator_certificate=(stranger / "operator.crt").read_bytes(),
            operator_key=(stranger / "operator.key").read_bytes(),
        )
        with ControlClient(access) as client, pytest.raises(Refusal) as caught:
            client.status()
    assert caught.value.code in {Code.PEER_UNTRUSTED, Code.NODE_NOT_RUNNING}
    assert script.requests == []


def test_a_list_goes_out_in_frames_of_a_thousand(client: ControlClient, script: Script) -> None:
    rows = (Applicant(f"code{number}", (str(number), "")) for number in range(2500))
    job = client.scores.submit("retail@3", rows, bank_fields=("age", "sector"), idempotency_key="k")
    header, *frames = script.of("SubmitScore")
    assert list(header.header.bank_fields) == ["age", "sector"]
    assert (header.header.purpose, header.header.idempotency_key) == ("loan_origination", "k")
    assert [len(frame.rows.rows) for frame in frames] == [1000, 1000, 500, 0]
    assert [frame.rows.last for frame in frames] == [False, False, False, True]
    assert frames[2].rows.rows[499].uscc == "code2499"
    assert list(frames[2].rows.rows[499].values) == ["2499", ""]
    assert (job.state, job.rows) == (JobState.QUEUED, 2500)


def test_a_fault_of_the_own_list_cancels_the_upload_and_comes_back(client: ControlClient, script: Script) -> None:
    def rows() -> Iterator[Applicant]:
        for number in range(3000):
            if number == 2200:
                raise Refusal(Code.INVALID_INPUT, "line 2201 is not text")
            yield Applicant(str(number))

    with pytest.raises(Refusal, match="line 2201"):
        client.scores.submit("retail", rows())
    assert script.stream_over.wait(5)
    assert not script.whole, "the node must not take the shorter list for the whole"


def test_a_fault_of_the_own_file_cancels_the_import(client: ControlClient, script: Script) -> None:
    def parts() -> Iterator[bytes]:
        yield b"uscc,a\n"
        raise ValueError("the disk is gone")

    with pytest.raises(ValueError, match="the disk is gone"):
        list(client.data.load(DataImport("q2", "2026-06-30", "base"), parts()))
    assert script.stream_over.wait(5)
    assert not script.whole


def test_consents_go_out_in_frames_and_name_the_bureau_once(client: ControlClient, script: Script) -> None:
    script.refused_consents = frozenset({"c300"})
    answered = [item for frame in client.consents.register((f"c{n}" for n in range(600)), "bureau-1") for item in frame]
    frames = script.of("RegisterConsents")
    assert [len(frame.consents) for frame in frames] == [256, 256, 88]
    assert [frame.bureau for frame in frames] == ["bureau-1", "", ""]
    assert [item.consent_id for item in answered if item.state == "refused"] == ["c300"]


def test_long_consents_make_shorter_frames(client: ControlClient, script: Script) -> None:
    list(client.consents.register(["x" * 40_000] * 200))
    assert [len(frame.consents) for frame in script.of("RegisterConsents")] == [104, 96]


def test_scores_that_are_missing_are_none_and_zero_is_zero(client: ControlClient, script: Script) -> None:
    script.rows = [
        pb.ScoreRow(uscc="a", status="scored", score=0, bank_part=5, tax_part=-5, as_of="2026-06-30"),
        pb.ScoreRow(uscc="b", status="refused", reason="NO_CONSENT"),
    ]
    first, second = next(iter(client.jobs.results(JOB_ID)))
    assert (first.score, first.bank_part, first.tax_part, first.scored) == (0, 5, -5, True)
    assert (second.score, second.bank_part, second.tax_part, second.scored) == (None, None, None, False)


def test_following_ends_with_the_final_state(client: ControlClient) -> None:
    jobs = list(client.jobs.follow(JOB_ID))
    assert [job.state for job in jobs] == [JobState.QUEUED, JobState.COMPUTING, JobState.DONE]
    assert jobs[-1].final
    assert jobs[-1].refused == {"NO_CONSENT": 2}


def test_following_goes_on_when_one_slice_ends_at_its_deadline(directory: Path) -> None:
    script = Script(job_states=("computing", "computing", "done"), delay=0.4)
    deadlines = Deadlines(follow=1.0)
    with running_control(directory, script), ControlClient.for_directory(directory, deadlines=deadlines) as client:
        states = []
        for job in client.jobs.follow(JOB_ID):
            states.append(job.state)
            if len(states) == 2:
                script.delay = 0.8  # this slice now runs out of time
            if len(states) > 2:
                script.delay = 0.0
    assert states[-1] is JobState.DONE
    assert len(states) > 3
    assert script.of("GetJob")


def test_following_waits_for_a_node_that_restarts_on_another_port(directory: Path) -> None:
    first = Script(job_states=("computing", "computing", "computing"), delay=0.2)
    second = Script(job_states=("releasing", "done"))
    seen: list[JobState] = []
    client_open = threading.Event()

    def follow() -> None:
        with ControlClient.for_directory(directory) as client:
            for job in client.jobs.follow(JOB_ID, patience=20):
                seen.append(job.state)
                client_open.set()

    thread = threading.Thread(target=follow)
    with running_control(directory, first):
        thread.start()
        assert client_open.wait(10)
    time.sleep(1.5)
    with running_control(directory, second):
        thread.join(30)
    assert not thread.is_alive()
    assert seen[-2:] == [JobState.RELEASING, JobState.DONE]


def test_following_gives_up_on_a_node_that_stays_away(directory: Path) -> None:
    with running_control(directory, Script()):
        client = ControlClient.for_directory(directory)
    with client, pytest.raises(Refusal) as caught:
        list(client.jobs.follow(JOB_ID, patience=1.5))
    assert caught.value.code is Code.NODE_NOT_RUNNING


def test_a_job_state_of_a_newer_node_is_refused(directory: Path) -> None:
    with (
        running_control(directory, Script(job_states=("teleporting",))),
        ControlClient.for_directory(directory) as client,
        pytest.raises(Refusal) as caught,
    ):
        client.jobs.get(JOB_ID)
    assert caught.value.code is Code.VERSION_UNSUPPORTED


def test_a_build_reports_progress_and_ends_with_the_model(client: ControlClient, script: Script) -> None:
    steps = list(client.models.build(b"{}", engine="paillier", bureau="bureau-1"))
    assert [step.columns_done for step in steps] == [1, 2]
    assert steps[0].model is None
    assert steps[1].model is not None
    assert (steps[1].model.score_low, steps[1].model.noise_distance_log2) == (-5, -56.5)
    assert script.of("BuildModel")[0].engine == "paillier"


def test_an_import_sends_its_header_first_and_the_parts_in_order(client: ControlClient, script: Script) -> None:
    done = pb.FeatureSet(feature_set="f1", rows=2)
    script.data_progress = [
        pb.DataProgress(rows=3, accepted=2, rejected=1, rejects=[pb.DataReject(row=2, field="a", reason="RANGE")]),
        pb.DataProgress(rows=3, accepted=2, rejected=1, feature_set=done),
    ]
    what = DataImport("q2", "2026-06-30", "base", 4, postgresql_url="postgresql://u:secret@h/d")
    steps = list(client.data.load(what, [b"one", b"two"]))
    header, *parts = script.of("ImportData")
    assert (header.header.name, header.header.as_of, header.header.catalogue_version) == ("q2", "2026-06-30", 4)
    assert [(part.content, part.last) for part in parts] == [(b"one", False), (b"two", False), (b"", True)]
    assert (steps[0].rejects[0].row, steps[0].rejects[0].reason) == (2, "RANGE")
    assert steps[0].feature_set is None
    assert steps[1].feature_set is not None
    assert "secret" not in repr(what)


def test_no_consents_make_no_frame(client: ControlClient, script: Script) -> None:
    assert list(client.consents.register([])) == []
    assert script.of("RegisterConsents") == []


def test_a_node_that_drains_is_not_taken_for_one_that_is_gone(client: ControlClient, script: Script) -> None:
    script.refusals["GetStatus"] = refusal(Code.DRAINING)  # the same gRPC status as no answer at all
    with pytest.raises(Refusal) as caught:
        client.status()
    assert caught.value.code is Code.DRAINING
