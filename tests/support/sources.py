"""The project's own Python files, parsed, for the tests that judge them. Generated wire code is not ours to judge."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = ("node", "protocols", "benchmarks", "tests", "requirements")


@dataclass(frozen=True)
class Import:
    """One imported module, by its full name, and where it stands."""

    module: str
    line: int

    @property
    def top(self) -> str:
        """The distribution's or package's top-level name."""
        return self.module.split(".", maxsplit=1)[0]


@dataclass(frozen=True)
class Source:
    """One file: its path from the root with slashes, and its text."""

    path: str

    @cached_property
    def text(self) -> str:
        return (ROOT / self.path).read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, filename=self.path)

    def within(self, *rooms: str) -> bool:
        """Tell whether the file is one of ``rooms`` (files) or stands below one of them (folders, ending in /)."""
        return any(self.path == room or (room.endswith("/") and self.path.startswith(room)) for room in rooms)

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """Every import, wherever it stands; ``from a import b`` counts as ``a`` and as ``a.b``."""
        return tuple(self._imports())

    def _imports(self) -> Iterator[Import]:
        for statement in ast.walk(self.tree):
            if isinstance(statement, ast.Import):
                yield from (Import(alias.name, statement.lineno) for alias in statement.names)
            elif isinstance(statement, ast.ImportFrom):
                module = statement.module or ""
                yield Import(module, statement.lineno)
                yield from (Import(f"{module}.{alias.name}", statement.lineno) for alias in statement.names)

    def dotted(self) -> Iterator[tuple[str, int]]:
        """Every dotted name that the code uses (``time.sleep``, ``np.random.rand``), with its line."""
        for expression in ast.walk(self.tree):
            if isinstance(expression, ast.Attribute | ast.Name) and (name := _dotted(expression)):
                yield name, expression.lineno

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function and method."""
        for statement in ast.walk(self.tree):
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                yield statement


def _dotted(expression: ast.expr) -> str | None:
    if isinstance(expression, ast.Name):
        return expression.id
    if isinstance(expression, ast.Attribute):
        base = _dotted(expression.value)
        return f"{base}.{expression.attr}" if base else None
    return None


def sources(*rooms: str) -> list[Source]:
    """Every file of ``rooms`` (top-level folders; all of ours when none is named), in order."""
    paths = [path for room in rooms or CODE for path in sorted((ROOT / room).rglob("*.py"))]
    return [_source(path.relative_to(ROOT).as_posix()) for path in paths if "__pycache__" not in path.parts]


_source = cache(Source)  # read and parsed once for all the tests that judge it


def texts() -> list[Path]:
    """Every Markdown page of the project."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")]
    return sorted([*pages, *(ROOT / "protocols").rglob("*.md"), *(ROOT / "benchmarks").rglob("*.md")])
