"""One deployment for each module: the workers of agents and strategies, an API, a token and an API key."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.real.deployment import Deployment
from tests.services.api.process import MASTER, Api, api
from tests.services.cli.command import run
from tests.stack import Servers

SERVICES = ("agents", "strategies")
ACCOUNT = "acct-1"


@dataclass(frozen=True, slots=True)
class Running:
    """What a test asks, and with which credentials."""

    deployment: Deployment
    api: Api
    key: str
    secret: str
    token: str

    @property
    def settings(self) -> dict[str, str]:
        """Those of the deployment's processes."""
        return {
            **self.deployment.environment(STRATAFOLD_SERVICES=",".join(SERVICES)),
            "STRATAFOLD_MASTER_KEY": MASTER,
        }

    def bearer(self, *scopes: str, organization: str = ACCOUNT) -> dict[str, str]:
        """The header of a new token."""
        return bearer(self.settings, *scopes, organization=organization)


def bearer(settings: dict[str, str], *scopes: str, organization: str = ACCOUNT) -> dict[str, str]:
    """The header of a token that the command line makes."""
    words = [word for scope in scopes for word in ("--scope", scope)]
    made = run(settings, "token", "create", "--organization", organization, *words, "--json")
    assert made.status == 0, made.err
    return {"Authorization": f"Bearer {made.json['token']}"}


@pytest.fixture(scope="module")
def running(shared_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("api")
    made = Deployment(shared_servers, f"api-{uuid.uuid4().hex[:8]}", folder)
    settings = {**made.environment(STRATAFOLD_SERVICES=",".join(SERVICES)), "STRATAFOLD_MASTER_KEY": MASTER}
    for service in SERVICES:
        made.start(service)
    with api(folder / "api.log", settings) as one:
        one.wait(200, seconds=90)  # for workers to be ready, on a machine that may be busy
        asyncio.run(made.settle(services=SERVICES))
        created = run(settings, "api-key", "create", "--account", ACCOUNT, "--json").json
        token = bearer(settings, "strategies:read", "agents:read")["Authorization"]
        yield Running(made, one, created["api_key"], created["secret"], token)
    assert made.stop() == [0, 0], made.last_words()
