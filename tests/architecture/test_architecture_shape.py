"""Sizes, names and the state of what is generated."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.support.sources import ROOT, sources

LONGEST_FILE = 500
LONGEST_FUNCTION = 60
MIGRATIONS = "node/storage/migrations/versions/"  # a list of tables, not logic
# Names that hide a module of the standard library or mean nothing in particular.
BAD_NAMES = {
    "secrets",
    "logging",
    "types",
    "token",
    "platform",
    "profile",
    "utils",
    "util",
    "helpers",
    "misc",
}
WIRE_CODE = ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py")


def test_no_file_is_too_long() -> None:
    lengths = {source.path: source.text.count("\n") for source in sources()}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_no_function_is_too_long() -> None:
    found = [
        f"{source.path}:{function.lineno} {function.name}"
        for source in sources()
        if not source.within(MIGRATIONS)
        for function in source.functions()
        if (function.end_lineno or function.lineno) - function.lineno + 1 > LONGEST_FUNCTION
    ]
    assert found == []


def test_no_module_hides_another_or_says_nothing() -> None:
    found = [source.path for source in sources() if {Path(source.path).stem, *Path(source.path).parts} & BAD_NAMES]
    assert found == []


def test_test_files_have_names_of_their_own() -> None:
    names = Counter(Path(source.path).name for source in sources("tests"))
    assert [name for name, count in names.items() if name.startswith("test_") and count > 1] == []


def test_every_package_says_what_it_is() -> None:
    rooms = [source for source in sources("node", "protocols") if source.path.endswith("__init__.py")]
    assert [source.path for source in rooms if not source.text.strip().startswith('"""')] == []


def test_generated_wire_code_is_current(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "protos", tmp_path / "protos", ignore=shutil.ignore_patterns("*_pb2*", "__pycache__"))
    protos = sorted(path.relative_to(tmp_path).as_posix() for path in (tmp_path / "protos").glob("*.proto"))
    outputs = ["--python_out=.", "--pyi_out=.", "--grpc_python_out=."]
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", *outputs, *protos]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=120)
    assert _wire_code(ROOT / "protos") == _wire_code(tmp_path / "protos")


def test_locks_name_no_address_and_hash_everything() -> None:
    for lock in sorted((ROOT / "requirements").glob("*.txt")):
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text, f"{lock.name} names an address"
        entries = text.replace("\\\n", " ").splitlines()
        unhashed = [entry.split()[0] for entry in entries if "==" in entry and "--hash=sha256:" not in entry]
        assert unhashed == [], f"{lock.name} leaves packages without a hash"


@pytest.mark.parametrize(("smaller", "larger"), [("runtime", "demo"), ("demo", "dev"), ("build", "dev")])
def test_each_lock_holds_the_smaller_one(smaller: str, larger: str) -> None:
    assert _pins(smaller) <= _pins(larger)


def _pins(lock: str) -> set[str]:
    lines = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8").splitlines()
    return {line.split()[0] for line in lines if "==" in line}


def _wire_code(folder: Path) -> dict[str, str]:
    return {
        path.name: path.read_text(encoding="utf-8")
        for path in sorted(folder.iterdir())
        if path.name.endswith(WIRE_CODE)
    }
