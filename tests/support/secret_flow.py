"""What secrets can reach in a compiled function: an analysis of the optimised LLVM code, and a look at the assembly.

Everything that a function reads from memory is taken as secret, its arguments as public; what is computed from a
secret is secret. A conditional jump on a secret, an address from a secret, a division of secrets, a choice between two
scalars by a secret bit (which a later pass may make a jump of) and a call with a secret are findings. Where there is
no finding, the path and the addresses are the same for all contents of memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from llvmlite import binding

# Instructions that LLVM writes as calls, take the same time for all values, and neither branch nor read memory.
_PURE_CALLS = re.compile(r"llvm\.(x86\.avx512\.vpmadd52[lh]\.uq|fsh[lr]|u(min|max)|vector\.reduce|bswap)\.")
_EMPTY_ASSEMBLY = re.compile(r'call \S+ asm (sideeffect )?"", "=r,0"')
_ERASING = re.compile(r"llvm\.(memset|lifetime)\.")  # a public address and length, or a finding
_DIVISIONS = frozenset({"udiv", "sdiv", "urem", "srem"})
_WRAPPERS = re.compile(r"^(_ZN7cpython|cfunc\.|NRT_)")  # numba's: they take the arrays out of Python's objects
_CONDITIONAL_JUMP = re.compile(r"^\s+(j(?!mp)[a-z]+|loop[a-z]*)\s", re.MULTILINE)
_GATHER = re.compile(r"^\s+v?p?(gather|scatter)\w*\s", re.MULTILINE)


def parse(code: str) -> Any:
    """Return the module of LLVM code as text."""
    return binding.parse_assembly(code)


def own_functions(module: Any) -> list[Any]:
    """Return the functions that compute, without numba's wrappers."""
    return [each for each in module.functions if not each.is_declaration and not _WRAPPERS.match(each.name)]


def secret_uses(module: Any) -> list[str]:
    """Return the findings in all functions of a module that compute; none is what is hoped for."""
    functions = own_functions(module)
    names = {each.name for each in functions}
    return [f"{each.name[:60]}: {finding}" for each in functions for finding in _findings(each, names)]


def conditional_jumps(module: Any) -> int:
    """Return how many jumps in the LLVM code of functions that compute have a condition."""
    return sum(
        _is_conditional(instruction) for function in own_functions(module) for instruction in _instructions(function)
    )


def assembly_jumps(assembly: str, module: Any) -> int:
    """Return the same count in the assembly of an x86-64 processor."""
    return sum(len(_CONDITIONAL_JUMP.findall(_body(assembly, function.name))) for function in own_functions(module))


def assembly_gathers(assembly: str) -> int:
    """Return the instructions that read or write at addresses from a vector."""
    return len(_GATHER.findall(assembly))


def _body(assembly: str, name: str) -> str:
    """Return the assembly of one function, from its label to where its size is told."""
    start = re.search(rf'^"?{re.escape(name)}"?:', assembly, re.MULTILINE)
    assert start is not None, f"{name} is not in the assembly"
    end = assembly.index(".size", start.end())
    return assembly[start.end() : end]


def _findings(function: Any, own: set[str]) -> Iterator[str]:
    instructions = list(_instructions(function))
    secret: set[Any] = {each for each in instructions if each.opcode == "load"}
    grown = True
    while grown:  # until nothing more becomes secret: values go round in loops
        grown = False
        for each in instructions:
            if each not in secret and any(operand in secret for operand in each.operands):
                secret.add(each)
                grown = True
    for each in instructions:
        fault = _fault(each, secret, own)
        if fault:
            yield f"{fault}: {str(each).strip()[:160]}"


def _fault(instruction: Any, secret: set[Any], own: set[str]) -> str:
    operands = list(instruction.operands)
    hidden = [operand in secret for operand in operands]
    match instruction.opcode:
        case "br" | "switch" | "indirectbr" if any(hidden):
            return "a jump depends on a secret"
        case "load" if hidden[0]:
            return "an address to read depends on a secret"
        case "store" if hidden[1]:
            return "an address to write depends on a secret"
        case "getelementptr" if any(hidden):
            return "an address is computed from a secret"
        case "select" if hidden[0] and str(operands[0].type) == "i1":
            return "a scalar is chosen by a secret"
        case "invoke" | "callbr":
            return "a call that may end elsewhere"
        case "call":
            return _fault_of_call(instruction, operands, any(hidden), own)
        case opcode if opcode in _DIVISIONS and any(hidden):
            return "a division of a secret"
    return ""


def _fault_of_call(instruction: Any, operands: list[Any], hidden: bool, own: set[str]) -> str:
    name = operands[-1].name
    if _PURE_CALLS.match(name) or _EMPTY_ASSEMBLY.search(str(instruction)):
        return ""
    if hidden:
        return "a secret is an argument"
    # What is called gets pointers and counts, and is looked at on its own.
    return "" if name in own or _ERASING.match(name) else "an unknown function is called"


def _is_conditional(instruction: Any) -> bool:
    return instruction.opcode == "switch" or (instruction.opcode == "br" and len(list(instruction.operands)) == 3)


def _instructions(function: Any) -> Iterator[Any]:
    for block in function.blocks:
        yield from block.instructions
