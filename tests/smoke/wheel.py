"""Runs the README's «Two nodes on two machines», line by line, with an installed wheel: every score compared.

Needs bash and the standard library only. Run it with the python of the environment that holds the wheel, isolated and
from an empty folder, so that no source is imported: ``ENV/bin/python -I tests/smoke/wheel.py``.
"""

from __future__ import annotations

import contextlib
import csv
import importlib.metadata
import importlib.util
import os
import pkgutil
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TRIAL = ROOT / "docs/examples/trial"
PAGE = re.compile(r"^## Two nodes on two machines$(.*?)^## ", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACE = re.compile(r"^# at (the bureau|the bank|the auditor|both nodes)\b.*\n", re.MULTILINE)
SERVE = "banktax serve\n"
STEP_SECONDS = 180
START_SECONDS = 60
YES = "y\n" * 50_000  # each command of a script reads ahead, and takes more than its own line
DEMO_ONLY = "node.demo"  # needs the demo extra


class SmokeError(Exception):
    """The wheel, or the page, does not do what it should."""


class Party:
    """One side: its own shell environment; all work in one folder, so that no file has to be carried over."""

    def __init__(self, name: str, work: Path) -> None:
        peers = f"127.0.0.1:{free_port()}" if name == "bureau" else ""
        self.name, self.work, self.prefix = name, work, ()
        self.environment = {
            "HOME": str(work),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
            "BUREAU": "127.0.0.1",
            "NETWORK": "127.0.0.0/8",
            "BANKTAX_DIR": str(work / name),
            "BANKTAX_CONTROL__LISTEN": f"127.0.0.1:{free_port()}",
            "BANKTAX_SERVER__LISTEN": peers,
            "BANKTAX_SERVER__ENDPOINT": peers,
        }

    def __call__(self, script: str) -> str:
        """Run lines of shell as this side and return what they printed; questions are answered with yes."""
        done = subprocess.run(
            [*self.prefix, "bash", "-euo", "pipefail", "-c", script],
            cwd=self.work,
            env=self.environment,
            input=YES,
            capture_output=True,
            text=True,
            timeout=STEP_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise SmokeError(f"at the {self.name}: status {done.returncode} of\n{script}{done.stdout}{done.stderr}")
        return done.stdout

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Run the node; at the end it must drain and leave with status 0."""
        process = subprocess.Popen([*self.prefix, "banktax", "serve"], cwd=self.work, env=self.environment)
        try:
            self._wait(process)
            yield
        except BaseException:
            process.kill()
            process.wait(STEP_SECONDS)
            raise
        process.send_signal(signal.SIGTERM)
        if (status := process.wait(STEP_SECONDS)) != 0:
            raise SmokeError(f"the {self.name} ended with status {status} after SIGTERM")

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise SmokeError(f"the {self.name} ended with status {process.returncode} at the start")
            with contextlib.suppress(SmokeError):
                self("banktax status --quiet")
                return
            time.sleep(0.5)
        raise SmokeError(f"the {self.name} did not start within {START_SECONDS} s")


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def check_installation() -> int:
    """Every module is the wheel's and can be imported without the demo's and development's packages."""
    site = sysconfig.get_path("purelib")
    modules = 0
    for package in ("node", "protocols", "protos"):
        found = importlib.util.find_spec(package)
        if found is None or not str(found.origin).startswith(site):
            raise SmokeError(f"{package} is not the wheel's")
        for module in pkgutil.walk_packages(found.submodule_search_locations, f"{package}.", onerror=_fail):
            if module.name.startswith(DEMO_ONLY) or module.name.endswith("__main__") or ".migrations." in module.name:
                continue
            importlib.import_module(module.name)
            modules += 1
    return modules


def _fail(name: str) -> None:
    raise SmokeError(f"{name} cannot be imported")


def steps() -> list[tuple[str, str]]:
    """Return the page's lines of shell with the place where they are run, in their order, from step 1 on."""
    page = PAGE.search((ROOT / "README.md").read_text(encoding="utf-8"))
    if page is None:
        raise SmokeError("the README has no section «Two nodes on two machines»")
    found: list[tuple[str, str]] = []
    for block in BLOCK.findall(page[1][page[1].index("**1 ·") :]):
        before, *parts = PLACE.split(block)
        if before:
            raise SmokeError(f"the README does not say where this is run:\n{before}")
        found += [(place.removeprefix("the "), script) for place, script in zip(parts[::2], parts[1::2], strict=True)]
    return found


def follow(page: list[tuple[str, str]], parties: tuple[Party, ...], nodes: contextlib.ExitStack) -> str:
    """Run the page; returns what it printed."""
    printed = ""
    for place, script in page:
        sides = [side for side in parties if place == side.name or (place == "both nodes" and side.name != "auditor")]
        for side in sides:
            if script == SERVE:
                nodes.enter_context(side.serving())
            else:
                printed += side(script)
    return printed


def paillier(bank: Party, auditor: Party) -> None:
    """Score the same list on the other engine: a second version of the card, admitted together with the first."""
    card = (TRIAL / "scorecard.json").read_text(encoding="utf-8")
    second = card.replace('"version": "1",', '"version": "2",', 1)
    (bank.work / "second.json").write_text(second, encoding="utf-8")
    bank("banktax model build second.json --engine paillier")
    for number in (1, 2):
        bank(f"banktax model dossier small-loan@{number} --auditor example-auditor -o {number}.dossier")
    auditor("banktax auditor review 2.dossier --frequencies frequencies.json --with 1.dossier")
    auditor("banktax auditor admit small-loan@2 --reviewer Reviewer -o second-admission.json")
    bank("banktax admission import second-admission.json && banktax model register small-loan@2")
    bank("banktax score submit --model small-loan@2 --list applicants.csv --out second.csv")
    with (TRIAL / "expected.csv").open(encoding="utf-8", newline="") as source:
        expected = list(csv.DictReader(source))
    with (bank.work / "second.csv").open(encoding="utf-8", newline="") as source:
        found = [{name: row[name] for name in expected[0]} for row in csv.DictReader(source)]
    if found != expected:
        raise SmokeError("paillier: the scores are not those worked out by hand")


def main() -> None:
    """Run everything in a temporary folder."""
    modules = check_installation()
    page = steps()
    with tempfile.TemporaryDirectory(prefix="banktax-smoke") as folder, contextlib.ExitStack() as nodes:
        work = Path(folder)
        shutil.copytree(TRIAL, work, dirs_exist_ok=True)
        bureau, bank, auditor = (Party(name, work) for name in ("bureau", "bank", "auditor"))
        version = bank("banktax version").strip()
        if importlib.metadata.version("banktax-node") not in version:
            raise SmokeError(f"banktax version says {version}")
        printed = follow(page, (bureau, bank, auditor), nodes).split()
        if "exact" not in printed or "740" not in printed:
            raise SmokeError("the page does not end with the scores worked out by hand")
        paillier(bank, auditor)
    print(f"wheel {version}: {modules} modules; the README's {len(page)} steps and the second engine are exact")


if __name__ == "__main__":
    main()
