"""What compose and Kubernetes set for a process is taken as it stands, with the secrets that it is given."""

from __future__ import annotations

import os
import re
from pathlib import Path
from unittest.mock import patch

import pytest

from libs.settings import Settings, load
from tests.deploy.manifests import DEPLOY, compose, container, objects, of_kind, settings
from tests.secured.certificates import made
from tests.secured.rights import rights

WEBHOOK = "whsec_" + "QUJD" * 8
DEPLOYMENTS = of_kind("Deployment", objects("base") + objects("components/connectors"))
OURS = {name: one for name, one in compose()["services"].items() if one["image"] == "stratafold"}
OUTSIDE = {"simulator", "agent-upstream", "strategy-upstream"}  # which know nothing of Kafka
# What deploy/.env has, as deploy/README.md says.
DOTENV = {"STRATAFOLD_WEBHOOK_SECRETS": WEBHOOK, "STRATAFOLD_MASTER_KEY": "ab" * 32}


def _loaded(environment: dict[str, str]) -> Settings:
    others = {name: value for name, value in os.environ.items() if not name.startswith("STRATAFOLD_")}
    with patch.dict(os.environ, {**others, **environment}, clear=True):
        return load()


def _filled(value: str) -> str:
    """As compose would fill it in from deploy/.env; what is not there by what is to stand in its place."""
    name, default = re.fullmatch(r"\$\{(\w+)(?::[-?](.*))?\}", value, re.DOTALL).groups()  # type: ignore[union-attr]
    return DOTENV.get(name, default)


@pytest.mark.parametrize("name", OURS)
def test_a_process_of_compose_takes_its_settings(name: str) -> None:
    told = {
        key: _filled(value) if value.startswith("$") else value
        for key, value in OURS[name].get("environment", {}).items()
    }
    found = _loaded(told)
    assert name in OUTSIDE or (found.kafka, found.create_topics) == ("kafka:9092", False)
    assert "upstream" not in name or name == "agent-upstream" or found.upstream_api_secret


def _secret(name: str) -> dict[str, str]:
    """What deploy/README.md asks of the Secret of a process."""
    told: dict[str, str] = {}
    for row in (DEPLOY / "README.md").read_text().splitlines():
        if re.match(rf"\| (… )?`stratafold-{name}` ", row):
            told |= dict.fromkeys(re.findall(r"STRATAFOLD_\w+", row), "p")
    if "STRATAFOLD_REDIS" in told or (name in rights() and rights()[name].keys):
        told["STRATAFOLD_REDIS"] = f"rediss://{name}:p@redis:6380/0"
    told |= {"STRATAFOLD_KAFKA_USER": name, "STRATAFOLD_KAFKA_PASSWORD": "p"}
    return told | {key: value for key, value in DOTENV.items() if key in told}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_process_of_kubernetes_takes_its_settings(name: str, tmp_path: Path) -> None:
    own = {one["name"]: one["value"] for one in container(DEPLOYMENTS[name]).get("env", ()) if "value" in one}
    told = {**settings("base"), **_secret(name), **own}
    authority = str(made(tmp_path).authority)
    ours = {key: authority if key.endswith("_CA") else value for key, value in told.items()}
    found = _loaded({key: value for key, value in ours.items() if key.startswith("STRATAFOLD_")})
    assert (found.kafka_security, found.kafka_user) == ("SASL_SSL", name)
    assert (found.redis_ca is not None) is found.redis_url.startswith("rediss:")
    assert name != "gateway" or found.webhook_keys
    assert name not in ("api", "operator") or found.master_key_bytes
    assert name != "connect-strategies" or (found.upstream_api_key and found.upstream_api_secret)
