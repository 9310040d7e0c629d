"""The composition root: a node's servers, threads and control functions, and the life of its process."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from node.alignment.list_tags import ListTags
from node.alignment.memory import AlignmentMemory
from node.bureau_wiring import wire_bureau
from node.clock import Clock, system_clock
from node.codes import Code, Role
from node.config import Settings, load, split_address
from node.control.admissions import AdmissionControl
from node.control.bank import BankControl
from node.control.bureau import BureauControl
from node.control.common import CommonControl
from node.control.dossiers import DossierControl
from node.control.frequencies import FrequenciesControl
from node.control.ledger import LedgerControl
from node.control.lists import ListControl
from node.control.screenings import ScreeningControl
from node.errors import Refusal
from node.foundation import lay_foundation
from node.jobs.bank_consents import BankConsents
from node.jobs.bank_dossiers import BankDossiers
from node.jobs.bank_intake import BankIntake
from node.jobs.bank_journal import BankJournal
from node.jobs.bank_models import BankModels
from node.jobs.bank_online import BankOnline
from node.jobs.bank_runner import BankRunner, Patience
from node.jobs.bank_steps import BankParts
from node.jobs.bureau_upkeep import BureauUpkeep
from node.jobs.screening_files import ScreeningFiles
from node.jobs.screening_intake import ScreeningIntake
from node.jobs.screening_journal import ScreeningJournal
from node.jobs.screening_opened import OpenedSets
from node.jobs.screening_runner import ScreeningRunner
from node.jobs.screening_task import ScreeningParts
from node.links import Links
from node.logs import configure, get_logger
from node.rpc.control_server import ControlFunction, build_control_server, control_service
from node.rpc.server import NodeServer, build_peer_server
from node.rundir import RunDirectory, reachable
from node.storage.bureau_screenings import BureauScreenings
from node.storage.registrations import Registrations
from protocols.randomness import Randomness, SystemRandomness

_log = get_logger("node")


class Node:
    """A node that is wired up: ``start``, then ``stop``."""

    def __init__(
        self, settings: Settings, *, clock: Clock = system_clock, randomness: Randomness | None = None
    ) -> None:
        self._closing = ExitStack()
        with ExitStack() as guard:
            guard.callback(self._closing.close)
            self._base = lay_foundation(settings, clock, randomness or SystemRandomness(), self._closing)
            self._warnings = _warnings(settings)
            self._peer_server: NodeServer | None = None
            self._runner: BankRunner | None = None
            self._screening_runner: ScreeningRunner | None = None
            self._upkeep: BureauUpkeep | None = None
            self._ports: dict[str, int] = {}
            own = self._bureau() if settings.node.role is Role.BUREAU else self._bank()
            self._control = build_control_server(
                settings,
                self._base.keys.tls,
                control_service(own),
                clock=clock,
                randomness=self._base.randomness,
            )
            guard.pop_all()

    # ---- wiring

    def _common(self, running: Callable[[], int], traffic: Callable[[], tuple[int, int]]) -> dict[str, ControlFunction]:
        base = self._base
        common = CommonControl(
            base.settings, base.documents, base.clock, self._warnings, running, traffic, self._listening
        )
        return {**common.functions(), **AdmissionControl(base.held_admissions).functions()}

    def _bureau(self) -> dict[str, ControlFunction]:
        base, settings = self._base, self._base.settings
        parts = wire_bureau(base)
        self._peer_server = build_peer_server(
            settings,
            base.keys.tls,
            base.keys.signing,
            base.parties,
            parts.services(),
            clock=base.clock,
            randomness=base.randomness,
        )
        upkeep = self._upkeep = BureauUpkeep(
            parts.journal,
            BureauScreenings(base.database, base.clock),
            parts.alignment,
            base.documents,
            parts.list_epochs,
            base.clock,
            open_job_days=settings.limits.open_job_days,
        )
        control = BureauControl(
            base.documents,
            parts.features,
            base.database,
            base.consents,
            parts.consents,
            settings.node.id,
            base.clock,
            parts.journal,
            upkeep.wake,
        )
        return {
            **self._common(lambda: 0, lambda: (0, 0)),
            **control.functions(),
            **FrequenciesControl(parts.frequencies).functions(),
            **LedgerControl(parts.ledger, settings.security, base.clock).functions(),
            **ListControl(parts.lists, parts.stored_lists, parts.features).functions(),
        }

    def _bank(self) -> dict[str, ControlFunction]:
        base, folder = self._base, self._base.settings.data_directory
        links = Links(base, AlignmentMemory(base.database, folder))
        self._closing.callback(links.close)
        bank_consents = BankConsents(
            base.database, base.consents, Registrations(base.database), base.settings.node.id, base.clock
        )
        models = BankModels(
            base.database,
            base.documents,
            base.compute,
            base.sealer,
            base.models_folder,
            base.clock,
            base.randomness,
            base.held_admissions.to_send,
        )
        models.remove_orphans()
        journal = BankJournal(base.database, base.clock)
        settings = base.settings
        parts = BankParts(
            journal, bank_consents, models, base.compute, base.randomness, chunk_rows=settings.compute.chunk_rows
        )
        patience = Patience(total_seconds=settings.limits.peer_patience_seconds)
        runner = self._runner = BankRunner(parts, links, patience=patience)
        intake = BankIntake(journal, models, base.randomness)
        online = BankOnline(parts, intake, runner, links)
        control = BankControl(
            base.database,
            base.consents,
            bank_consents,
            models,
            journal,
            intake,
            runner,
            online,
            links,
            links.only,
            base.clock,
        )
        screenings = self._screenings(links, patience)
        dossiers = DossierControl(
            BankDossiers(
                models.material, base.documents, settings.node.id, base.keys.signing, base.clock, base.randomness
            )
        )
        return {
            **self._common(lambda: runner.active, lambda: links.traffic),
            **control.functions(),
            **dossiers.functions(),
            **screenings.functions(),
        }

    def _screenings(self, links: Links, patience: Patience) -> ScreeningControl:
        base, folder = self._base, self._base.settings.data_directory
        journal, files = ScreeningJournal(base.database, base.clock), ScreeningFiles(folder)
        parts = ScreeningParts(
            base.settings.node.id,
            journal,
            files,
            ListTags(folder),
            base.documents,
            base.sealer,
            base.keys.signing,
            bucket_items=base.settings.compute.bucket_items,
            lines=links.lines,
        )
        runner = self._screening_runner = ScreeningRunner(parts, links.screening, patience=patience)
        intake = ScreeningIntake(journal, files, base.sealer, base.randomness)
        return ScreeningControl(journal, files, intake, runner, OpenedSets(files, base.sealer))

    def _listening(self) -> str:
        settings = self._base.settings
        if self._peer_server is None:
            return ""
        host = settings.server.listen.rpartition(":")[0]
        return f"{host}:{self._ports.get('server', 0)}"

    # ---- life

    def start(self) -> None:
        """Listen, write the ports down, and go on with unfinished jobs."""
        run = RunDirectory(self._base.settings.directory)
        self._closing.callback(run.clear)
        for warning in self._warnings:
            _log.warning(warning)
        if self._peer_server is not None:
            self._listen("server", self._peer_server, run)
        for runner in (self._runner, self._screening_runner):
            if runner is not None:
                runner.start()
        if self._upkeep is not None:
            self._upkeep.start()
        self._listen("control", self._control, run)
        run.write_pid(os.getpid())

    def _listen(self, name: str, server: NodeServer, run: RunDirectory) -> None:
        port = self._ports[name] = server.start()
        self._closing.callback(server.stop)
        if name == "control":  # before the port: whoever sees a port finds the address of the same run
            host, _ = split_address(self._base.settings.control.listen)
            run.write_address(name, reachable(host, port))
        run.write_port(name, port)

    def stop(self) -> None:
        """Take no new work, let running calls and chunks end, and close everything."""
        seconds = self._base.settings.server.drain_seconds
        self._control.drain(seconds)
        for runner in (self._runner, self._screening_runner):
            if runner is not None:
                runner.stop()
        if self._upkeep is not None:
            self._upkeep.stop()
        if self._peer_server is not None:
            self._peer_server.drain(seconds)
        self._closing.close()
        _log.info("stopped")


def serve(directory: Path) -> None:
    """Run the node in ``directory`` until SIGTERM or SIGINT."""
    settings = load(directory)
    configure(settings.log.level, settings.log.format)
    if settings.node.role is Role.AUDITOR:
        raise Refusal(Code.WRONG_ROLE, "an auditor runs no node; its commands need none")
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    node = Node(settings)
    try:
        node.start()
        stopping.wait()
    finally:
        node.stop()


def _warnings(settings: Settings) -> tuple[str, ...]:
    found = []
    if settings.node.role is Role.BUREAU and settings.security.allow_uncertified:
        found.append("security.allow_uncertified is on: a bank can extract tax data with models of its own making")
    if settings.node.role is Role.BUREAU and not settings.consent.authorities:
        found.append("consent.authorities is empty: no consent can be registered")
    return tuple(found)
