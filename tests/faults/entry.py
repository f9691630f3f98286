"""Which worker an entry of the tests' own runs: STRATAFOLD_TEST_SERVICE says so."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from libs.runtime.worker import Worker
from libs.settings import Settings
from services.executions.worker import make_worker as make_executions
from services.operations.worker import make_worker as make_operations


def chosen() -> Callable[[Settings], Worker[Any]]:
    """What makes the worker of the service that the environment names; takes the variable out of it."""
    service = os.environ.pop("STRATAFOLD_TEST_SERVICE")
    return make_executions if service == "executions" else make_operations
