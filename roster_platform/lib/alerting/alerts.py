"""Problems and their resolutions, read from finished runs and each reported once.

A problem has a subject: an operation, a job, a roster page or an asset check. It is
reported when it begins, not again while it lasts, and once more when it is resolved. The
state fits in a sensor's cursor; a message that could not be delivered waits there for
the next tick.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import dagster as dg

from roster_platform.lib.partitions import page_name

FAILED_PAGES = "failed_pages"
"""Metadata of a failure: by page, why it failed."""

READ_PAGES = "autorosters__pages"
ASK_QUARANTINED = "ask_quarantined_pages"
_PAGE = "roster page "
_PARTITION_TAG = "dagster/partition"
_RANGE_TAG = "dagster/asset_partition_range_start"
_RANGE_END_TAG = "dagster/asset_partition_range_end"
_MOST_OPEN = 500
_MOST_PENDING = 100
_LONGEST_REASON = 400
_MOST_LINES = 20
_OUTCOMES = {
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
}


@dataclass(frozen=True)
class Finding:
    """One line of a message: what is wrong or resolved, why, and where to look."""

    subject: str
    reason: str
    run_id: str
    is_over: bool = False


@dataclass
class State:
    """Open problems, how far runs were read, and what each channel has yet to get."""

    read_until: int = 0
    open: dict[str, str] = field(default_factory=dict)
    """By subject, the run in which the problem was reported."""
    resting: list[str] = field(default_factory=list)
    """The pages that were in quarantine at the last tick."""
    pending: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @classmethod
    def parse(cls, cursor: str) -> State:
        """From a sensor's cursor."""
        return cls(**json.loads(cursor))

    def text(self) -> str:
        """For a sensor's cursor."""
        return json.dumps(asdict(self))

    def owe(self, channels: Iterable[str], findings: Iterable[Finding]) -> None:
        """Add findings to what each channel has yet to get."""
        added = [asdict(finding) for finding in findings]
        for channel in channels:
            owed = self.pending.setdefault(channel, [])
            owed.extend(added)
            del owed[:-_MOST_PENDING]

    def owed(self, channel: str) -> list[Finding]:
        """Return what a channel did not get yet."""
        return [Finding(**kept) for kept in self.pending.get(channel, ())]

    def _begins(self, subject: str, reason: str, run_id: str) -> Iterable[Finding]:
        if subject not in self.open and len(self.open) < _MOST_OPEN:
            self.open[subject] = run_id
            yield Finding(subject, reason, run_id)

    def _ends(self, subject: str, run_id: str) -> Iterable[Finding]:
        if self.open.pop(subject, None):
            yield Finding(subject, "resolved", run_id, is_over=True)

    def findings_of(
        self,
        instance: dg.DagsterInstance,
        run: dg.DagsterRun,
        *,
        failed: bool,
        failure: str,
        resting_pages: set[str],
    ) -> list[Finding]:
        """Return what a finished run changes; ``resting_pages`` are those in quarantine."""
        found: list[Finding] = []
        failed_steps = 0
        for record in instance.get_records_for_run(
            run.run_id, of_type=_OUTCOMES
        ).records:
            event = record.event_log_entry.get_dagster_event()
            if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                found += self._check(event.event_specific_data, run.run_id)
                continue
            subject = f"operation {event.step_key}"
            if event.event_type == dg.DagsterEventType.STEP_SUCCESS:
                found += self._ends(subject, run.run_id)
                found += self._pages_end(run, {}, resting_pages, event.step_key)
                continue
            failed_steps += 1
            reason, pages = _reason_of(event)
            found += self._pages_end(run, pages, resting_pages, event.step_key)
            if not pages:
                found += self._begins(subject, reason, run.run_id)
            for page, why in pages.items():
                found += self._begins(_PAGE + page, why, run.run_id)
        if failed and not failed_steps:
            found += self._begins(f"job {run.job_name}", failure, run.run_id)
        if not failed:
            found += self._ends(f"job {run.job_name}", run.run_id)
        return [_with_title(instance, finding) for finding in found]

    def _check(self, evaluation: Any, run_id: str) -> Iterable[Finding]:
        asset = evaluation.asset_key.to_user_string()
        subject = f"check {evaluation.check_name} of {asset}"
        if evaluation.passed:
            return self._ends(subject, run_id)
        is_warning = evaluation.severity == dg.AssetCheckSeverity.WARN
        word = "warns" if is_warning else "failed"
        return self._begins(
            subject, f"{word}: {evaluation.description or 'see its metadata'}", run_id
        )

    def _pages_end(
        self,
        run: dg.DagsterRun,
        failed: Mapping[str, str],
        resting: set[str],
        step: str | None,
    ) -> Iterable[Finding]:
        """Pages that this step asked, and that neither failed nor rest any more."""
        asked: Iterable[str]
        first = run.tags.get(_RANGE_TAG)
        if step == ASK_QUARANTINED:
            asked = self.resting
        elif step == READ_PAGES and first and first == run.tags.get(_RANGE_END_TAG):
            # A backfill of one page.
            asked = [first]
        elif step != READ_PAGES or first:
            # Which pages a range holds is not told by the run; a later one tells.
            return
        elif _PARTITION_TAG in run.tags:
            asked = [run.tags[_PARTITION_TAG]]
        else:
            asked = [s.removeprefix(_PAGE) for s in self.open if s.startswith(_PAGE)]
        for page in set(asked) - failed.keys() - resting:
            yield from self._ends(_PAGE + page, run.run_id)


def _with_title(instance: dg.DagsterInstance, finding: Finding) -> Finding:
    """The finding of a page by its title, too: people do not know pages by their ids."""
    if not finding.subject.startswith(_PAGE):
        return finding
    name = page_name(instance, finding.subject.removeprefix(_PAGE))
    return replace(finding, subject=_PAGE + name)


def _reason_of(event: Any) -> tuple[str, Mapping[str, str]]:
    """Return why a step failed, and the failed roster pages, if that is why."""
    data = event.event_specific_data
    if data.user_failure_data is not None:
        pages = data.user_failure_data.metadata.get(FAILED_PAGES)
        description = data.user_failure_data.description or "failed"
        return description, pages.value if pages else {}
    return (data.error.message if data.error else "failed"), {}


def message(
    findings: Iterable[Finding],
    link: Callable[[str], str],
    redact: Callable[[str], str],
) -> str:
    """One text for all findings: what, why, what to do, and the run to look at."""
    findings = list(findings)
    begun = [finding for finding in findings if not finding.is_over]
    over = [finding for finding in findings if finding.is_over]
    lines = []
    if begun:
        lines.append(f"Roster Platform: {len(begun)} new problem(s)")
        lines += [
            f"🔴 {finding.subject}: {_short(finding.reason)} → {link(finding.run_id)}"
            for finding in begun[:_MOST_LINES]
        ]
        if len(begun) > _MOST_LINES:
            lines.append(f"… and {len(begun) - _MOST_LINES} more; see the runs.")
    if over:
        lines.append(f"Roster Platform: {len(over)} problem(s) resolved")
        lines += [f"🟢 {finding.subject}: resolved" for finding in over[:_MOST_LINES]]
        if len(over) > _MOST_LINES:
            lines.append(f"… and {len(over) - _MOST_LINES} more.")
    return redact("\n".join(lines))


def _short(reason: str) -> str:
    text = " ".join(reason.split())
    if len(text) <= _LONGEST_REASON:
        return text
    return text[: _LONGEST_REASON - 1] + "…"
