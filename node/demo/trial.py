"""A bureau, a bank and an auditor on this machine: two real node processes over mutual TLS, set up from nothing.

For the demo, the benchmarks and the tests. Everything goes through the same commands and control API that an operator
uses; nothing here reaches into a node.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from node.client.control import ControlClient
from node.clock import system_clock
from node.codes import Code, ModelClass, Purpose, Role
from node.config import SETTINGS_FILE
from node.demo.trial_auditor import AUDITOR, TrialAuditor
from node.errors import Refusal
from node.initialise import NewNode, initialise
from node.keys import load_keys, open_sealer
from node.own_card import own_card
from node.policy.agreement import Agreement, ChannelKind, Limits
from node.policy.enterprise import EnterpriseAuthority
from node.rundir import RunDirectory
from protocols.randomness import SystemRandomness

BUREAU = "trial-bureau"
BANK = "trial-bank"
AUTHORITY_FILE = "authority.pem"
START_SECONDS = 60.0
STOP_SECONDS = 60.0
_ANY_PORT = "127.0.0.1:0"


class NodeProcess:
    """One node as a process of its own."""

    def __init__(self, directory: Path, environment: Mapping[str, str] | None = None) -> None:
        self.directory = directory
        self.environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What the node wrote to standard error."""
        return self.directory / "node.log"

    @property
    def pid(self) -> int:
        """The process id of the running node."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> NodeProcess:
        """Start the node and wait until its control API listens.

        Raises:
            Refusal: ``NODE_NOT_RUNNING`` with the end of its log.
        """
        run = RunDirectory(self.directory)
        run.clear()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "node", "--dir", str(self.directory), "serve"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,  # so that kill() takes the workers along
            )
        deadline = time.monotonic() + START_SECONDS
        while run.port("control") is None:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise Refusal(Code.NODE_NOT_RUNNING, f"the node did not start: {self.last_words()}")
            time.sleep(0.05)
        return self

    def last_words(self) -> str:
        """Return the last line of the log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "it wrote nothing"

    def stop(self) -> None:
        """Ask the node to stop (SIGTERM), and wait."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the node and its workers at once (SIGKILL), as a power cut would."""
        if self._process is not None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                return
            self._process.wait()

    def client(self) -> ControlClient:
        """Return a client of the node's control API."""
        return ControlClient.for_directory(self.directory)


class Trial:
    """Bureau, bank and auditor, trusting each other, with an authority for enterprises. Use as a context manager.

    Args:
        folder: where the three directories are made; must be empty or absent.
        storage: SQLAlchemy URL by party id, where a node is not to use SQLite.
        allow_uncertified: whether the bureau takes models without admission: for tests of everything else.
    """

    def __init__(
        self,
        folder: Path,
        *,
        storage: Mapping[str, str] | None = None,
        workers: int = 2,
        allow_uncertified: bool = False,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.authority = EnterpriseAuthority.create("Trial enterprise authority", SystemRandomness(), system_clock())
        self._closing = ExitStack()
        self._allow_uncertified = allow_uncertified
        self.auditor = TrialAuditor(folder / Role.AUDITOR.value)
        self.bureau = self._make(Role.BUREAU, BUREAU, "试点税务局", "Trial Tax Bureau", storage, workers)
        self.bank = self._make(Role.BANK, BANK, "试点银行", "Trial Bank", storage, workers)

    def _make(
        self, role: Role, party_id: str, chinese: str, english: str, storage: Mapping[str, str] | None, workers: int
    ) -> NodeProcess:
        directory = self.folder / role.value
        listen = _ANY_PORT if role is Role.BUREAU else None
        new = NewNode(role, party_id, chinese, english, listen=listen, control_listen=_ANY_PORT)
        initialise(directory, new, randomness=SystemRandomness(), clock=system_clock)
        environment = {"BANKTAX_COMPUTE__WORKERS": str(workers)}
        if storage and party_id in storage:
            environment["BANKTAX_STORAGE__URL"] = storage[party_id]
        if role is Role.BUREAU:
            (directory / AUTHORITY_FILE).write_bytes(self.authority.certificate_pem())
            _edit_bureau(directory / SETTINGS_FILE, self.authority.uscc_field, self._allow_uncertified)
        return NodeProcess(directory, environment)

    def __enter__(self) -> Trial:
        try:
            self._closing.callback(self.bureau.kill)
            self._closing.callback(self.bank.kill)
            self.bureau.start()
            self.fix_ports(self.bureau)
            self.bank.start()
            self.fix_ports(self.bank)
            self.exchange_cards()
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bank.stop()
        self.bureau.stop()
        self._closing.close()

    def fix_ports(self, node: NodeProcess) -> None:
        """Write the ports that a node got into its settings, so that it listens there again after a restart."""
        path, run = node.directory / SETTINGS_FILE, RunDirectory(node.directory)
        text = path.read_text(encoding="utf-8")
        for section in ("server", "control"):
            port = run.port(section)
            if port is not None:
                head, mark, tail = text.partition(f"[{section}]")
                text = head + mark + tail.replace(_ANY_PORT, f"127.0.0.1:{port}", 1)
        path.write_text(text, encoding="utf-8")

    def exchange_cards(self) -> None:
        """Have everybody trust the others' cards."""
        cards = {each: card_of(each) for each in (self.bureau.directory, self.bank.directory, self.auditor.directory)}
        with self.bureau.client() as bureau, self.bank.client() as bank:
            for node, own in ((bureau, self.bureau.directory), (bank, self.bank.directory)):
                for directory, card in cards.items():
                    if directory != own:
                        node.parties.trust(card)
        self.auditor.trust([cards[self.bank.directory], cards[self.bureau.directory]])

    def agree(self, catalogue: Mapping[str, Any], **changes: Any) -> Agreement:
        """Import a catalogue on both sides and an agreement over all its fields that both sign; return it.

        Args:
            catalogue: a catalogue's body.
            changes: members of the agreement that are to be otherwise.
        """
        from node.policy.documents import draft
        from node.policy.strictjson import canonical

        agreement = Agreement(**{**self._usual(catalogue), **changes})
        with self.bureau.client() as bureau, self.bank.client() as bank:
            bureau.catalogues.add(canonical(catalogue))
            bank.catalogues.add(bureau.catalogues.get(catalogue["catalogue_id"], catalogue["version"]))
            signed = bank.agreements.sign(bureau.agreements.sign(draft("agreement", agreement.to_body()).encode()))
            bureau.agreements.add(signed)
            bank.agreements.add(signed)
        return agreement

    # ---- certification

    def frequencies(self, feature_set: str = "") -> bytes:
        """Return the signed frequencies of a feature set at the bureau, the newest where none is named."""
        with self.bureau.client() as bureau:
            *_, last = bureau.data.frequencies(AUDITOR, feature_set)
        return last.document

    def write_dossier(self, model: str, path: Path) -> Path:
        """Write the dossier of a built model for the auditor; returns its path."""
        with self.bank.client() as bank, path.open("wb") as file:
            for part in bank.models.dossier(model, AUDITOR):
                file.write(part)
        return path

    def certify(self, model: str) -> str:
        """Have a built model reviewed, admitted, and its admission imported at the bank; return the admission's id.

        Raises:
            Refusal: ``MODEL_NOT_ADMITTED``: the review failed.
        """
        dossier = self.write_dossier(model, self.folder / "model.dossier")
        admission = self.auditor.admit(self.auditor.review(dossier, [self.frequencies()]))
        self.auditor.forget(dossier)
        with self.bank.client() as bank:
            return bank.admissions.add(admission).admission_id

    def _usual(self, catalogue: Mapping[str, Any]) -> dict[str, Any]:
        now = datetime.fromtimestamp(system_clock() / 1000, UTC)
        return {
            "agreement_id": "trial-agreement",
            "bank": BANK,
            "bureau": BUREAU,
            "channel_kind": ChannelKind.DEDICATED_LINE,
            "peer_networks": ("127.0.0.0/8",),
            "purposes": (Purpose.LOAN_ORIGINATION, Purpose.LOAN_MONITORING),
            "model_classes": tuple(ModelClass),
            "catalogue_id": catalogue["catalogue_id"],
            "catalogue_version": catalogue["version"],
            "fields": tuple(field["id"] for field in catalogue["fields"]),
            "auditors": (AUDITOR,),
            "limits": Limits(max_rows_per_job=10_000_000, alignment_per_day=100_000_000),
            "valid_from": now - timedelta(days=1),
            "valid_until": now + timedelta(days=365),
        }


def card_of(directory: Path) -> bytes:
    """Return the signed card of the node in ``directory``; with the port that a running node really listens on."""
    from node.config import load

    settings = load(directory)
    keys = load_keys(directory, open_sealer(directory, SystemRandomness()))
    return own_card(settings, keys).sign(keys.signing).encode()


def _edit_bureau(path: Path, uscc_field: str, allow_uncertified: bool) -> None:
    """Let the bureau believe the trial's authority."""
    text = path.read_text(encoding="utf-8")
    if allow_uncertified:
        changed = text.replace("# allow_uncertified = false", "allow_uncertified = true")
        assert changed != text, "the template has changed"
        text = changed
    entry = (
        f'\n[[consent.authorities]]\nname = "Trial"\ncertificate = "{AUTHORITY_FILE}"\nuscc_field = "{uscc_field}"\n'
    )
    path.write_text(text + entry, encoding="utf-8")
