"""What the control API does at a bureau: tax data, consents and their revocation."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing

from node.clock import Clock
from node.codes import Code
from node.control import messages
from node.control.consents import ConsentControl
from node.control.requests import listed, parse_job_id, parse_state
from node.control.uploads import open_source
from node.data.importer import ImportOptions, ImportProgress, ImportReport, iterate_import
from node.errors import Refusal
from node.jobs.bureau_consents import BureauConsents
from node.jobs.bureau_journal import BureauJob, BureauJournal
from node.jobs.documents import Documents
from node.rpc.control_server import ControlFunction, OperatorContext
from node.storage.consents import Consents
from node.storage.database import Database
from node.storage.features import FeatureStore
from protos import control_pb2 as pb


class BureauControl:
    """Feature sets, and consents as the bureau sees them."""

    def __init__(
        self,
        documents: Documents,
        features: FeatureStore,
        database: Database,
        consents: Consents,
        service: BureauConsents,
        own_id: str,
        clock: Clock,
        journal: BureauJournal,
        after_change: Callable[[], None],
    ) -> None:
        self._documents = documents
        self._features = features
        self._clock = clock
        self._journal = journal
        self._after_change = after_change
        self._service = service
        self._own_id = own_id
        self._consents = ConsentControl(database, consents, clock)

    def functions(self) -> dict[str, ControlFunction]:
        """Return the functions by method name."""
        return {
            "ImportData": self.import_data,
            "ListData": self.data,
            "DropData": self.drop,
            "ListConsents": self._consents.list,
            "RevokeConsent": self.revoke,
            "ListJobs": self.jobs,
            "GetJob": self.job,
            "CancelJob": self.cancel,
        }

    # ---- data

    def import_data(self, _context: OperatorContext, frames: Iterator[pb.DataFrame]) -> Iterator[pb.DataProgress]:
        """Import a table: a header, then the file in parts; answers progress and at last the feature set."""
        first = next(frames, None)
        if first is None or first.WhichOneof("part") != "header":
            raise Refusal(Code.MALFORMED, "an import begins with its header")
        header = first.header
        catalogue = self._documents.catalogue(header.catalogue_id, header.catalogue_version or None)
        with self._features.scratch() as folder:
            source = open_source(header, frames, folder)
            steps = iterate_import(
                source,
                catalogue,
                self._features,
                name=header.name,
                as_of=header.as_of,
                clock=self._clock,
                options=ImportOptions(header.ignore_extra, header.allow_missing_fields),
            )
            with closing(steps):
                report = yield from _steps(steps)
        self._after_change()
        yield pb.DataProgress(
            rows=report.rows,
            accepted=report.accepted,
            rejected=report.rejected,
            repeated_rows=report.repeated,
            feature_set=messages.feature_set(report.feature_set),
        )

    def data(self, _context: OperatorContext, _request: pb.ListDataRequest) -> pb.FeatureSets:
        """List all feature sets."""
        return pb.FeatureSets(feature_sets=[messages.feature_set(each) for each in self._features.list()])

    def drop(self, _context: OperatorContext, request: pb.FeatureSetKey) -> pb.FeatureSet:
        """Remove a feature set that no open job uses."""
        dropped = self._features.drop(request.feature_set, self._clock())
        self._after_change()
        return messages.feature_set(dropped)

    # ---- consents

    def revoke(self, _context: OperatorContext, request: pb.RevokeConsentRequest) -> pb.ConsentSummary:
        """Withdraw a consent on the enterprise's word at the bureau."""
        consent_id = self._consents.parse_id(request.consent_id)
        self._service.revoke_as(self._own_id, consent_id, request.reason)
        return self._consents.summary(consent_id)

    # ---- banks' jobs

    def jobs(self, _context: OperatorContext, request: pb.ListJobsRequest) -> pb.Jobs:
        """List the latest jobs of all banks."""
        state = parse_state(request.state)
        return pb.Jobs(jobs=self._jobs(self._journal.latest(listed(request.limit), state)))

    def job(self, _context: OperatorContext, request: pb.JobKey) -> pb.Job:
        """Return a bank's job."""
        return self._job(self._journal.get(parse_job_id(request)))

    def cancel(self, _context: OperatorContext, request: pb.JobKey) -> pb.Job:
        """Close a bank's job and drop its stored responses; the bank's further calls of it are refused."""
        job = self._journal.get(parse_job_id(request))
        self._journal.close(job.bank, job.job_id, cancelled=True)
        return self._job(self._journal.get(job.job_id))

    def _job(self, job: BureauJob) -> pb.Job:
        (message,) = self._jobs([job])
        return message

    def _jobs(self, jobs: Sequence[BureauJob]) -> list[pb.Job]:
        """Return jobs with what was taken of each, counted for all of them at once."""
        taken = self._journal.taken([job.job_id for job in jobs])
        return [messages.bureau_job(job, *taken[job.job_id]) for job in jobs]


def _steps(
    steps: Generator[ImportProgress, None, ImportReport],
) -> Generator[pb.DataProgress, None, ImportReport]:
    """Pass progress on as messages; the generator's value is the import's report."""
    while True:
        try:
            step = next(steps)
        except StopIteration as finished:
            report: ImportReport = finished.value
            return report
        yield messages.data_progress(step)
