"""What lies in `deploy/` as data: the compose file, and the objects of Kubernetes with what patches make of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy"
KUBERNETES: Final = DEPLOY / "kubernetes"
COMPOSE: Final = DEPLOY / "compose.yaml"
OPERATOR: Final = "operator"
PROBES: Final = ("startupProbe", "livenessProbe", "readinessProbe")

Object = dict[str, Any]


def compose() -> Object:
    """The compose file, its anchors resolved."""
    found: Object = yaml.safe_load(COMPOSE.read_text())
    return found


def kustomization(folder: str) -> Object:
    """Of a folder under `deploy/kubernetes`."""
    found: Object = yaml.safe_load((KUBERNETES / folder / "kustomization.yaml").read_text())
    return found


def objects(folder: str) -> list[Object]:
    """All objects that a folder's kustomization names itself."""
    files = [KUBERNETES / folder / name for name in kustomization(folder)["resources"]]
    return [one for file in files for one in yaml.safe_load_all(file.read_text())]


def settings(folder: str, name: str = "stratafold-settings") -> dict[str, str]:
    """The literals of a generated ConfigMap."""
    maps = {one["name"]: one["literals"] for one in kustomization(folder)["configMapGenerator"]}
    return dict(one.split("=", 1) for one in maps[name])


def of_kind(kind: str, found: list[Object]) -> dict[str, Object]:
    """Those of a kind, by their names."""
    return {one["metadata"]["name"]: one for one in found if one["kind"] == kind}


def processes() -> dict[str, Object]:
    """The Deployments of all processes, connectors among them; an operator's place for commands is none."""
    found = of_kind("Deployment", objects("base") + objects("components/connectors"))
    return {name: one for name, one in found.items() if name != OPERATOR}


def container(workload: Object) -> Object:
    """The one container of a Deployment or Job."""
    found: list[Object] = workload["spec"]["template"]["spec"]["containers"]
    assert len(found) == 1
    return found[0]
