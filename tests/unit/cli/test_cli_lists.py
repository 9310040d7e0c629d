"""``banktax list`` against a bureau's real lists, behind a real control server over TLS."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import grpc
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from click.testing import Result

from node.codes import Code, Role
from node.control.lists import ListControl
from node.errors import Refusal
from node.policy import screening_list
from node.policy.uscc import valid_code
from node.rpc.control_server import OperatorContext
from node.rpc.status import abort
from node.storage.database import open_database
from node.storage.features import FeatureStore
from protos import control_pb2 as pb
from protos import control_pb2_grpc
from tests.support.cli import banktax
from tests.support.control_server import Script, make_node, running_control
from tests.support.policy import BUREAU, KEYS
from tests.support.screening_lists import NOW, Publisher

CODES = [valid_code(number) for number in range(40)]
RequestT = TypeVar("RequestT")
AnswerT = TypeVar("AnswerT")
OPERATOR: Any = None  # what may be done with lists does not depend on who does it


class ListNode(control_pb2_grpc.ControlServicer):
    """The part of a bureau's control API that is about lists, over its own database and folder."""

    def __init__(self, folder: Path) -> None:
        database = open_database(f"sqlite:///{folder}/lists.db")
        database.upgrade()
        ticks = count(NOW, 1000)
        self.publisher = Publisher(database, folder, lambda: next(ticks))
        self.control = ListControl(self.publisher.lists, self.publisher.store, FeatureStore(database, folder))
        self.headers: list[pb.PublishListHeader] = []

    def PublishList(
        self, frames: Iterator[pb.PublishListFrame], context: grpc.ServicerContext
    ) -> Iterator[pb.PublishListProgress]:
        try:
            yield from self.control.publish(OPERATOR, map(self._seen, frames))
        except Refusal as refusal:
            abort(context, refusal)

    def ListLists(self, request: pb.ListListsRequest, context: grpc.ServicerContext) -> pb.ListSummaries:
        return _answered(self.control.list, request, context)

    def GetList(self, request: pb.ListKey, context: grpc.ServicerContext) -> pb.Document:
        return _answered(self.control.get, request, context)

    def WithdrawList(self, request: pb.WithdrawListRequest, context: grpc.ServicerContext) -> pb.ListSummary:
        return _answered(self.control.withdraw, request, context)

    def _seen(self, frame: pb.PublishListFrame) -> pb.PublishListFrame:
        if frame.WhichOneof("part") == "header":
            self.headers.append(frame.header)
        return frame


def _answered(
    call: Callable[[OperatorContext, RequestT], AnswerT], request: RequestT, context: grpc.ServicerContext
) -> AnswerT:
    try:
        return call(OPERATOR, request)
    except Refusal as refusal:
        abort(context, refusal)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_node(tmp_path_factory.mktemp("lists") / "bureau", Role.BUREAU)


@pytest.fixture
def node(directory: Path, tmp_path: Path) -> Iterator[ListNode]:
    made = ListNode(tmp_path)
    with running_control(directory, Script(), made):
        yield made


@pytest.fixture
def run(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run ``banktax list`` in an empty folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return lambda *arguments, **options: banktax("list", *arguments, "--dir", directory, **options)


def codes_file(folder: Path, rows: list[str], header: str = "uscc,reason,band") -> Path:
    path = folder / "codes.csv"
    path.write_text("\n".join([header, *rows, ""]), "utf-8")
    return path


def good_rows(number: int = 40) -> list[str]:
    return [f"{code},警示 {place % 3},{place % 2}" for place, code in enumerate(CODES[:number])]


Run = Callable[..., Result]


def test_a_list_is_published_signed_and_shown(node: ListNode, run: Run, tmp_path: Path) -> None:
    file = codes_file(tmp_path, good_rows())
    result = run(
        "publish", "abnormal", "--version", "2026-06", "--codes", file, "--kind", "abnormal-operation",
        "--reason", "every month", "--label-column", "reason", "--label-column", "band", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    summary = json.loads(result.stdout)
    assert (summary["name"], summary["version"], summary["state"]) == ("abnormal", "2026-06", "published")
    assert (summary["codes"], summary["padded_count"], summary["labels"]) == (40, 1024, ["reason", "band"])
    assert "rejected" not in result.stderr
    assert list(Path.cwd().iterdir()) == [], "no reject file where nothing was rejected"

    shown = run("show", "abnormal")
    assert shown.exit_code == 0, shown.stderr
    listed = screening_list.parse(shown.stdout.encode(), BUREAU, KEYS[BUREAU])
    assert (listed.kind, listed.reason, listed.labels) == ("abnormal-operation", "every month", ("reason", "band"))
    assert not any(code in shown.stdout for code in CODES)
    content = node.publisher.lists.content(node.publisher.store.get("abnormal"))
    assert content.codes.astype(str).tolist() == sorted(CODES)


def test_rejects_go_to_a_file_without_values_and_the_rest_is_published(
    node: ListNode, run: Run, tmp_path: Path
) -> None:
    file = codes_file(tmp_path, [*good_rows(2), "secret-row,x,y", f"{CODES[0]},another,0", f"{CODES[5]},b,1"])
    result = run("publish", "abnormal", "--version", "1", "--codes", file, "--label-column", "reason", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["codes"] == 2
    assert "3 of 5 rows were rejected; the reasons are in abnormal.rejects.csv" in result.stderr
    with Path("abnormal.rejects.csv").open(encoding="utf-8", newline="") as rejects:
        rows = {(row["row"], row["field"], row["reason"]) for row in csv.DictReader(rejects)}
    assert rows == {
        ("4", "uscc", "bad_code"),
        ("2", "uscc", "conflicting_duplicate"),
        ("5", "uscc", "conflicting_duplicate"),
    }
    assert "secret-row" not in Path("abnormal.rejects.csv").read_text()


def test_a_file_of_nothing_but_rejects_publishes_nothing(node: ListNode, run: Run, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    file = codes_file(tmp_path, ["x,,", "y,,"])
    result = run("publish", "abnormal", "--version", "1", "--codes", file, "--rejects", bad)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "nothing was published" in result.stderr
    assert bad.read_text().splitlines()[1:] == ["2,uscc,bad_code", "3,uscc,bad_code"]
    assert node.publisher.store.list() == []


def test_a_parquet_file_is_known_by_its_name(node: ListNode, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "codes.parquet"
    parquet.write_table(pa.table({"id": CODES}), file)
    assert run("publish", "abnormal", "--version", "1", "--codes", file, "--code-column", "id").exit_code == 0
    (stored,) = node.publisher.store.list()
    assert (stored.codes, stored.label_bytes, stored.kind) == (40, 0, "screening")
    assert [header.format for header in node.headers] == ["parquet"]
    named = run("publish", "abnormal", "--version", "2", "--codes", file, "--code-column", "id", "--format", "csv")
    assert named.exit_code == 2, "what is said counts, not the name"


def test_a_published_version_never_changes(node: ListNode, run: Run, tmp_path: Path) -> None:
    assert run("publish", "abnormal", "--version", "1", "--codes", codes_file(tmp_path, good_rows(3))).exit_code == 0
    again = run("publish", "abnormal", "--version", "1", "--codes", codes_file(tmp_path, good_rows(4)))
    assert again.exit_code != 0
    assert again.stderr.startswith("error IDEMPOTENCY_CONFLICT: version 1 of list abnormal is published already")
    assert [each.codes for each in node.publisher.store.list()] == [3]
    assert len(node.publisher.files()) == 1


def test_versions_are_listed_newest_first_and_withdrawn_with_a_reason(node: ListNode, run: Run, tmp_path: Path) -> None:
    for version in ("1", "2"):
        file = codes_file(tmp_path, good_rows(int(version)))
        assert run("publish", "abnormal", "--version", version, "--codes", file).exit_code == 0
    header, newest, oldest = run("list").stdout.splitlines()
    assert header.split()[:4] == ["list", "version", "kind", "codes"]
    assert newest.split()[:2] + oldest.split()[:2] == ["abnormal", "2", "abnormal", "1"]

    withdrawn = run("withdraw", "abnormal", "--version", "2", "--reason", "an error", "--json")
    assert withdrawn.exit_code == 0, withdrawn.stderr
    found = json.loads(withdrawn.stdout)
    assert (found["state"], found["withdrawn_reason"]) == ("withdrawn", "an error")
    told = {each["version"]: each["state"] for each in json.loads(run("list", "--json").stdout)}
    assert told == {"1": "published", "2": "withdrawn"}
    assert json.loads(run("show", "abnormal").stdout)["body"]["version"] == "1"
    assert json.loads(run("show", "abnormal", "--version", "2").stdout)["body"]["version"] == "2"


def test_a_document_is_written_to_a_file(node: ListNode, run: Run, tmp_path: Path) -> None:
    run("publish", "abnormal", "--version", "1", "--codes", codes_file(tmp_path, good_rows(3)))
    result = run("show", "abnormal", "--out", tmp_path / "list.json")
    assert (result.exit_code, result.stdout) == (0, ""), result.stderr
    assert (tmp_path / "list.json").read_bytes() == node.publisher.store.get("abnormal").document


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("show", "none"), "NOT_FOUND"),
        (("show", "none", "--version", "1"), "NOT_FOUND"),
        (("withdraw", "none", "--version", "1", "--reason", "why"), "NOT_FOUND"),
        (("withdraw", "none", "--version", "1", "--reason", " "), "INVALID_INPUT"),
        (("withdraw", "none", "--version", "1", "--reason", "r" * 501), "INVALID_INPUT"),
    ],
)
def test_what_cannot_be_done_is_one_line(node: ListNode, run: Run, arguments: tuple[str, ...], code: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error {code}: ")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (("--kind", "two words"), "kind: "),
        (("--reason", "r" * 501), "reason: "),
        (("--label-column", "reason", "--label-column", "reason"), "labels: "),
        (("--label-column", "none"), "not exactly one column is named none"),
        (("--code-column", "none"), "not exactly one column is named none"),
    ],
)
def test_a_draft_that_is_wrong_is_refused_by_member(
    node: ListNode, run: Run, tmp_path: Path, options: tuple[str, ...], fault: str
) -> None:
    result = run("publish", "abnormal", "--version", "1", "--codes", codes_file(tmp_path, good_rows(3)), *options)
    assert result.exit_code == 2
    assert result.stderr.startswith("error INVALID_INPUT: ")
    assert fault in result.stderr
    assert node.publisher.store.list() == []


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--query", "codes"),
        ("--codes", "FILE", "--query", "codes"),
        ("--codes", "FILE.bin"),
    ],
)
def test_a_source_that_is_not_clear_is_asked_for_before_the_node_is(
    node: ListNode, run: Run, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    file = codes_file(tmp_path, good_rows(3))
    file.with_suffix(".bin").write_bytes(file.read_bytes())
    places = {"FILE": str(file), "FILE.bin": str(file.with_suffix(".bin"))}
    result = run("publish", "abnormal", "--version", "1", *(places.get(each, each) for each in arguments))
    assert result.exit_code == 2
    assert result.stderr
    assert node.headers == []


def test_a_publication_without_header_or_end_is_refused(node: ListNode) -> None:
    header = pb.PublishListFrame(header=pb.PublishListHeader(name="a", version="1", kind="k", format="csv"))
    content = pb.PublishListFrame(content=f"uscc\n{CODES[0]}\n".encode())
    for frames in ([], [content], [header], [header, content]):
        with pytest.raises(Refusal) as caught:
            list(node.control.publish(OPERATOR, iter(frames)))
        assert caught.value.code in {Code.MALFORMED, Code.INVALID_INPUT}
    assert node.publisher.store.list() == []
    assert node.publisher.files() == []
    *_, last = node.control.publish(OPERATOR, iter([header, content, pb.PublishListFrame(last=True, content=b"")]))
    assert last.list.codes == 1
