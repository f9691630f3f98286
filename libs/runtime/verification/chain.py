"""The reader's rule applied to a log partition: which records count, and whether the others may stand there. Pure."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass
from typing import Any, Final

from libs.ledger.envelope import Logged, continues, parse_log_record
from libs.runtime.verification.findings import Findings, Kind
from libs.runtime.verification.fingerprint import of_record

_NOT_A_LOG_RECORD: Final = (ValueError, KeyError, TypeError)


@dataclass(slots=True)
class Accepted:
    """A log record that counts, with the Kafka record that it is."""

    logged: Logged
    record: Any


class Chain:
    """Accepts the records that continue the one accepted last; ``last`` is its input offset, -1 for none."""

    def __init__(self, partition: int, findings: Findings) -> None:
        self._partition = partition
        self._findings = findings
        self.last = -1
        self.doubles = 0
        self._offsets = array("q")
        self._prints = array("Q")
        self._strays: dict[int, list[tuple[int, int]]] = {}  # by input offset: fingerprint, log offset

    def offer(self, record: Any) -> Accepted | None:
        """Take the next record of the log; the accepted one, or None where it does not count."""
        try:
            logged = parse_log_record(record.value or b"")
            offset, previous = logged.offset, logged.previous
            if type(offset) is not int or type(previous) is not int or offset <= previous:
                raise ValueError(f"input offset {offset} after {previous}")
        except _NOT_A_LOG_RECORD as why:
            self._add(Kind.LOG_UNREADABLE, record.offset, f"{type(why).__name__}: {why}")
            return None
        mark = of_record(record)
        if continues(logged, self.last):
            self._accept(offset, mark)
            return Accepted(logged, record)
        if offset <= self.last:
            self._double(offset, mark, record.offset)
        else:
            self._strays.setdefault(offset, []).append((mark, record.offset))
        return None

    def finish(self) -> None:
        """Report what ran ahead of a hole and was never reached."""
        for offset, strays in self._strays.items():
            for _, log_offset in strays:
                self._add(
                    Kind.LOG_UNREACHABLE,
                    log_offset,
                    f"accounts for input offset {offset}, but the chain ends at {self.last}",
                )
        self._strays.clear()

    def _accept(self, offset: int, mark: int) -> None:
        for skipped in [early for early in self._strays if early < offset]:
            for _, log_offset in self._strays.pop(skipped):
                self._add(
                    Kind.LOG_UNREACHABLE,
                    log_offset,
                    f"accounts for input offset {skipped}, which the chain passes over",
                )
        self._offsets.append(offset)
        self._prints.append(mark)
        self.last = offset
        for early, log_offset in self._strays.pop(offset, []):
            self._compare(offset, early, mark, log_offset)

    def _double(self, offset: int, mark: int, log_offset: int) -> None:
        at = bisect_left(self._offsets, offset)
        if at < len(self._offsets) and self._offsets[at] == offset:
            self._compare(offset, mark, self._prints[at], log_offset)
        else:
            self._add(
                Kind.LOG_UNREACHABLE,
                log_offset,
                f"accounts for input offset {offset}, which the chain passed over",
            )

    def _compare(self, offset: int, double: int, counts: int, log_offset: int) -> None:
        if double == counts:
            self.doubles += 1
        else:
            self._add(
                Kind.LOG_DOUBLE_DIFFERS,
                log_offset,
                f"another account of input offset {offset} than the one that counts",
            )

    def _add(self, kind: Kind, log_offset: int, detail: str) -> None:
        self._findings.add(kind, self._partition, f"log offset {log_offset}", detail)
