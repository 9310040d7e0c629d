"""Files of a screening when the power goes: at every step of a write there is the old file or the new one, whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from node.jobs.screening_files import ScreeningFiles
from tests.support.power import Fuse, PowerCut

JOB = bytes(16)
WRITES: dict[str, tuple[Callable[[ScreeningFiles, bytes], None], Callable[[ScreeningFiles], bytes]]] = {
    "step": (lambda files, data: files.write_step(JOB, 0, data), lambda files: files.step(JOB, 0)),
    "kept": (lambda files, data: files.keep(JOB, "found", data), lambda files: files.kept(JOB, "found")),
    "result": (lambda files, data: files.write_result(JOB, data), lambda files: b"".join(files.result(JOB))),
}


@pytest.fixture
def fuse(monkeypatch: pytest.MonkeyPatch) -> Fuse:
    """The power of everything that reaches the disk: it may go before each call and behind it."""
    made = Fuse()
    for name in ("open", "write", "fsync", "replace"):
        real = getattr(os, name)

        def guarded(*arguments: object, real: Callable[..., object] = real, **more: object) -> object:
            made.step()
            done = real(*arguments, **more)
            made.step()
            return done

        monkeypatch.setattr(os, name, guarded)
    return made


@pytest.mark.parametrize("kind", WRITES)
def test_a_power_cut_at_any_step_of_a_write_leaves_the_old_or_the_new_file_whole(
    tmp_path: Path, fuse: Fuse, kind: str
) -> None:
    write, read = WRITES[kind]
    files, old, new = ScreeningFiles(tmp_path), b"old " * 1_000, b"new " * 3_000
    files.create(JOB, np.array([b"91350100M000000001"]))
    seen = set()
    for steps in range(100):
        write(files, old)
        fuse.arm(steps)
        try:
            write(files, new)
        except PowerCut:
            fuse.blown = False
        else:
            break
        fuse.arm(10_000)
        again = ScreeningFiles(tmp_path)  # after the restart
        seen.add(read(again))
        assert seen <= {old, new}
        assert again.steps(JOB) <= {0}
    assert steps >= 4, "the write reached the disk in fewer steps than sync, rename, sync have"
    assert seen == {old, new}
    fuse.arm(10_000)
    assert read(files) == new
