"""``python -m deploy.grafana.description`` writes the dashboards as JSON; ``--check``: are they current?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana.description import agents, operations, pipeline, strategies
from libs.settings import Settings

FOLDER: Final = Path(__file__).resolve().parents[1] / "dashboards"
PARTITIONS: Final[int] = Settings.model_fields["partitions"].default


def files(partitions: int) -> dict[Path, str]:
    """What is to stand in each file, for services with so many partitions."""
    encoder = JSONEncoder(indent=2, sort_keys=True, ensure_ascii=False)
    described = {
        "pipeline": pipeline.dashboard(partitions),
        "operations": operations.dashboard(),
        "agents": agents.dashboard(),
        "strategies": strategies.dashboard(),
    }
    return {FOLDER / f"{name}.json": encoder.encode(one) + "\n" for name, one in described.items()}


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
    parser.add_argument(
        "--partitions", type=int, default=PARTITIONS, help=f"STRATAFOLD_PARTITIONS there ({PARTITIONS})"
    )
    options = parser.parse_args()
    wanted = files(options.partitions)
    if not options.check:
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
