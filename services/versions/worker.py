"""The versions worker: its pure middle on the shared machine, and the scheduler that it sends itself."""

from __future__ import annotations

from dataclasses import replace

from libs.contracts.names import Names
from libs.runtime.instruments import Instruments
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.worker import Worker
from libs.settings import Settings
from services.versions import AGGREGATE
from services.versions.clock import watch
from services.versions.model import Version


def make_worker(settings: Settings) -> Worker[Version]:
    """The worker of this service; ``await worker.run()`` gives the exit status."""
    names = Names(settings.namespace)
    instruments = Instruments(KafkaAccess.of(settings), names, settings.partitions)
    return Worker(replace(AGGREGATE, watch=watch(instruments.quotes)), settings, instruments.follow)
