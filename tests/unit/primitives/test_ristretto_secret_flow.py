"""The compiled programs jump on nothing secret and use no secret as an address; programs that do are found out."""

from __future__ import annotations

import platform
from typing import Any

import pytest
from numba import njit, types

from protocols.primitives.ristretto_kernels import kernels, programs, windows
from protocols.primitives.ristretto_kernels.arithmetic import has_ifma
from protocols.primitives.ristretto_kernels.field import INTEGER, Field, Word
from protocols.primitives.ristretto_kernels.memory import POINT_WORDS, Pointer, at, load_point
from protocols.primitives.ristretto_kernels.points import Cached
from tests.support import secret_flow

ARRAYS = {
    "decode": 3,
    "map_uniform": 2,
    "multiply": 3,
    "encode": 2,
    "add": 3,
    "combine": 4,
    "products": 2,
    "inverses": 3,
}
IFMA, PORTABLE = 3, 2  # axes of an array, which pick the back end
ONE_BY_ONE = ("products", "inverses")  # on every processor
CASES = [(name, axes) for name in ARRAYS for axes in (IFMA, PORTABLE) if axes == PORTABLE or name not in ONE_BY_ONE]


def _compiled(name: str, axes: int) -> tuple[Any, str]:
    """Compile a kernel anew, past the cache; return its module of optimised LLVM code, and its assembly."""
    fresh = njit(nogil=True)(getattr(kernels, name).py_func)
    fresh.compile((types.Array(types.uint64, axes, "C"),) * ARRAYS[name])
    (code,), (assembly,) = fresh.inspect_llvm().values(), fresh.inspect_asm().values()
    return secret_flow.parse(code), assembly


@pytest.mark.slow
@pytest.mark.parametrize(("name", "axes"), CASES)
def test_no_jump_and_no_address_depends_on_what_is_in_memory(name: str, axes: int) -> None:
    if axes == IFMA and not has_ifma():
        pytest.skip("this processor has no AVX-512 IFMA")
    module, assembly = _compiled(name, axes)
    assert secret_flow.conditional_jumps(module) >= 1  # the loop over the elements was looked at
    assert secret_flow.secret_uses(module) == []
    if platform.machine() == "x86_64":  # no later pass made a jump that the optimised code did not have
        assert secret_flow.assembly_jumps(assembly, module) <= secret_flow.conditional_jumps(module)
        assert secret_flow.assembly_gathers(assembly) == 0


def _by_address(field: Field, table: Pointer, digit: Word) -> Cached:
    """Read the multiple at the digit: the cache's lines show which."""
    size = field.builder.and_(digit, field.integer(7))
    return load_point(field, at(field, table, field.builder.mul(size, INTEGER(POINT_WORDS))))


def _by_jump(field: Field, table: Pointer, digit: Word) -> Cached:
    """Look at the table only if the digit is negative: the time shows which."""
    builder = field.builder
    negative = builder.icmp_signed("<", digit, INTEGER(0))
    before = builder.block
    identity = [limb for value in (1, 1, 0, 2) for limb in field.constant(value).limbs]
    with builder.if_then(negative):
        chosen = windows.choose_multiple(field, table, digit)
        inside = builder.block
    merged = []
    for element, plain in zip(chosen, (identity[start : start + 5] for start in range(0, 20, 5)), strict=True):
        limbs = []
        for limb, other in zip(element.limbs, plain, strict=True):
            either = builder.phi(INTEGER)
            either.add_incoming(limb, inside)
            either.add_incoming(other, before)
            limbs.append(either)
        merged.append(element._replace(limbs=tuple(limbs)))
    first, second, third, fourth = merged
    return first, second, third, fourth


@pytest.mark.slow
@pytest.mark.parametrize(
    ("leak", "finding"), [(_by_address, "an address to read depends"), (_by_jump, "a jump depends")]
)
def test_a_multiplication_that_leaks_its_scalar_is_found(
    monkeypatch: pytest.MonkeyPatch, leak: Any, finding: str
) -> None:
    monkeypatch.setattr(programs, "choose_multiple", leak)
    module, _ = _compiled("multiply", PORTABLE)
    assert any(finding in found for found in secret_flow.secret_uses(module))


def _findings_of(lines: str) -> list[str]:
    code = f"define i64 @twin(ptr %p, i64 %n) {{\n{lines}\n}}\ndeclare i64 @other(i64)\ndeclare void @free()"
    return secret_flow.secret_uses(secret_flow.parse(code))


@pytest.mark.parametrize(
    ("lines", "finding"),
    [
        ("%s = load i64, ptr %p\n%q = udiv i64 %s, 3\nret i64 %q", "a division"),
        ("%s = load i1, ptr %p\n%q = select i1 %s, i64 3, i64 %n\nret i64 %q", "a scalar is chosen"),
        ("%s = load i64, ptr %p\n%q = getelementptr i64, ptr %p, i64 %s\nstore i64 1, ptr %q\nret i64 0", "write"),
        ("%s = load i64, ptr %p\n%q = call i64 @other(i64 %s)\nret i64 %q", "an argument"),
        ("call void @free()\nret i64 0", "an unknown function"),
    ],
)
def test_every_kind_of_leak_is_found(lines: str, finding: str) -> None:
    assert any(finding in found for found in _findings_of(lines))


def test_a_secret_is_followed_round_a_loop() -> None:
    lines = """br label %turn
turn:
%i = phi i64 [0, %0], [%j, %turn]
%sum = phi i64 [0, %0], [%more, %turn]
%s = load i64, ptr %p
%more = add i64 %sum, %s
%j = add i64 %i, 1
%go = icmp ult i64 %{condition}, %n
br i1 %go, label %turn, label %done
done:
ret i64 %more"""
    assert _findings_of(lines.replace("%{condition}", "%j")) == []
    (found,) = _findings_of(lines.replace("%{condition}", "%sum"))
    assert "a jump depends" in found


def test_gathers_and_jumps_are_seen_in_assembly() -> None:
    module = secret_flow.parse("define i64 @twin(i64 %n) {\nret i64 %n\n}")
    body = "\ttestq\t%rdi, %rdi\n\tjne\t.L1\n\tvpgatherqq\t(%rax,%zmm0), %zmm1 {%k1}\n\tjmp\t.L2\n"
    assembly = f"twin:\n{body}\tretq\n.Lend:\n\t.size\ttwin, .Lend-twin\n"
    assert secret_flow.assembly_jumps(assembly, module) == 1
    assert secret_flow.assembly_gathers(assembly) == 1
