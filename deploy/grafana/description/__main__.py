"""``python -m deploy.grafana.description`` writes the dashboards as JSON; ``--check``: are they current?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana.description import agents, operations, pipeline, strategies

FOLDER: Final = Path(__file__).resolve().parents[1] / "dashboards"


def files() -> dict[Path, str]:
    """What is to stand in each file."""
    encoder = JSONEncoder(indent=2, sort_keys=True, ensure_ascii=False)
    return {
        FOLDER / f"{module.__name__.rpartition('.')[2]}.json": encoder.encode(module.dashboard()) + "\n"
        for module in (pipeline, operations, agents, strategies)
    }


def stale(wanted: dict[Path, str]) -> list[Path]:
    """The files that say something else, are missing, or that no description has."""
    return sorted(
        [path for path, text in wanted.items() if not path.is_file() or path.read_text("utf-8") != text]
        + [path for path in FOLDER.glob("*.json") if path not in wanted]
    )


def main() -> int:
    """Status 1 where a check found something else."""
    parser = argparse.ArgumentParser(prog="python -m deploy.grafana.description", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail where something would be written"
    )
    wanted = files()
    if not parser.parse_args().check:
        for path in stale(wanted):
            path.unlink(missing_ok=True)
        for path, text in wanted.items():
            path.write_text(text, "utf-8")
        return 0
    for path in stale(wanted):
        sys.stderr.write(f"{path.name} isn't what the description says: make dashboards\n")
    return 1 if stale(wanted) else 0


if __name__ == "__main__":
    sys.exit(main())
