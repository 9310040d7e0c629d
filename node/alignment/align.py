"""The bank learns privately which of its enterprises the bureau holds. Specification: protocols/psi/README.md."""

from __future__ import annotations

from collections.abc import Sequence

from node.alignment.epoch import AlignmentClient, EpochInfo, Progress
from node.alignment.memory import AlignmentMemory
from node.codes import Code, Side
from node.errors import Refusal
from node.storage.database import slices
from protocols.errors import ParameterError, PeerProtocolError
from protocols.psi.client import OprfClient
from protocols.psi.messages import MAXIMUM_BATCH, EvaluatedBatch
from protocols.psi.tags import TagSet, check_false_match, truncate
from protocols.randomness import Randomness


def align(
    codes: Sequence[str],
    *,
    bureau: str,
    client: AlignmentClient,
    memory: AlignmentMemory,
    randomness: Randomness,
    progress: Progress | None = None,
) -> dict[str, bool]:
    """Return for every code (normalised, valid) whether the bureau holds the enterprise.

    Asks the bureau only for what is not known in its current epoch, at most 4,096 at a time, and remembers every
    batch as it comes, so that an interrupted alignment repeats nothing and a quota is not spent twice.
    ``progress`` is called with (codes known, codes in all).

    Raises:
        Refusal: the bureau's (``QUOTA_EXCEEDED``, ``AGREEMENT_INACTIVE`` ...), ``MALFORMED`` on the bureau's side when
            it answers falsely, ``BOUND_EXCEEDED`` when a false match would be likelier than 2^-40.
    """
    alignment = _Alignment(tuple(dict.fromkeys(codes)), bureau, client, memory, randomness, progress)
    try:
        return alignment.run()
    except Refusal as refusal:
        if refusal.code is not Code.NOT_FOUND:
            raise
    # The standing set changed between two calls and the epoch went with it: begin again in the new one, once.
    return alignment.run()


class _Alignment:
    """One call of :func:`align`."""

    def __init__(
        self,
        codes: tuple[str, ...],
        bureau: str,
        client: AlignmentClient,
        memory: AlignmentMemory,
        randomness: Randomness,
        progress: Progress | None,
    ) -> None:
        self._codes = codes
        self._bureau = bureau
        self._client = client
        self._memory = memory
        self._randomness = randomness
        self._progress = progress

    def run(self) -> dict[str, bool]:
        epoch = self._client.get_epoch()
        results = self._memory.known(self._bureau, epoch.epoch_id, self._codes)
        self._show(results)
        unknown = [code for code in self._codes if code not in results]
        if not unknown:
            return results
        _check_bound(epoch, len(self._codes))
        tags = self._memory.tag_set(self._bureau, epoch, self._client.download_tags)
        for batch in slices(unknown, MAXIMUM_BATCH):
            learned = self._ask(epoch, tags, batch)
            self._memory.remember(self._bureau, epoch.epoch_id, learned)
            results.update(learned)
            self._show(results)
        return results

    def _ask(self, epoch: EpochInfo, tags: TagSet, batch: Sequence[str]) -> dict[str, bool]:
        machine = OprfClient([code.encode("ascii") for code in batch], self._randomness)
        (blinded,) = machine.start()
        answer = self._client.evaluate(epoch.epoch_id, blinded.encode())
        try:
            machine.receive(EvaluatedBatch.decode(answer))
        except PeerProtocolError as fault:
            raise Refusal(Code.MALFORMED, str(fault), side=Side.BUREAU) from None
        held: list[bool] = tags.held(truncate(machine.output_rows())).tolist()
        return dict(zip(batch, held, strict=True))

    def _show(self, results: dict[str, bool]) -> None:
        if self._progress is not None:
            self._progress(len(results), len(self._codes))


def _check_bound(epoch: EpochInfo, queries: int) -> None:
    try:
        check_false_match(epoch.tag_count, queries)
    except ParameterError as fault:
        raise Refusal(Code.BOUND_EXCEEDED, str(fault)) from None
