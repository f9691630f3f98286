"""Whether the process that a server belongs to runs still."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

from libs.local.owner import Owner, _began


def test_who_asks_lives() -> None:
    assert Owner.this().lives()
    assert Owner.this() == Owner.this()


def test_another_process_under_the_same_id_is_another() -> None:
    """Ids are used again; when it began tells them apart."""
    assert not replace(Owner.this(), began=Owner.this().began - 60).lives()


def test_who_ended_is_gone_whether_or_not_somebody_took_note() -> None:
    """A process that was killed stays as a zombie until its parent asks for it."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        owner = Owner(process.pid, _began(process.pid))
        assert owner.lives()
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not owner.lives()
    assert not owner.lives()
