"""`stratafold topics create`: the topics of the services, as the contract has them."""

from __future__ import annotations

from typing import Annotated

import typer

from libs.contracts.names import Names
from libs.settings import Settings, load
from services.cli.failures import Failure

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def register(app: typer.Typer) -> None:
    """Add the group `topics`."""
    group = typer.Typer(no_args_is_help=True, help="The topics in Kafka.")

    @group.callback()
    def topics() -> None:
        """The topics in Kafka."""

    group.command()(create)
    app.add_typer(group, name="topics")


def create(as_json: Json = False) -> None:
    """Create the topics that are missing, of the services in STRATAFOLD_SERVICES and of tokens and API keys.

    Those that are there stay as they are.
    """
    import json

    from services.cli import clients, folds

    settings = load()
    made = clients.run(_everything(settings, folds.running(settings.services)), settings)
    if as_json:
        typer.echo(json.dumps({"created": made}))
        return
    for topic in made:
        typer.echo(f"created {topic}")
    if not made:
        typer.echo("all topics are there")


async def _everything(settings: Settings, services: tuple[str, ...]) -> list[str]:
    from libs.runtime.kafka_access import KafkaAccess
    from libs.runtime.topics import WrongTopic, create_credentials

    made = await ensure(settings, services)
    try:
        names = Names(settings.namespace)
        return made + await create_credentials(KafkaAccess.of(settings), names, settings.replication)
    except WrongTopic as wrong:
        raise Failure(str(wrong)) from None


async def ensure(settings: Settings, services: tuple[str, ...]) -> list[str]:
    """Create what is missing of the services' topics; the names of those made. Raises Failure."""
    from libs.runtime.kafka_access import KafkaAccess
    from libs.runtime.topics import WrongTopic, create_topics
    from services.cli.clients import check_kafka

    await check_kafka(settings)
    try:
        return await create_topics(
            KafkaAccess.of(settings),
            Names(settings.namespace),
            services,
            settings.partitions,
            settings.replication,
        )
    except WrongTopic as wrong:
        raise Failure(str(wrong)) from None


async def check(settings: Settings, topic: str) -> None:
    """See that a topic is there with the partitions that the settings say. Raises Failure."""
    from services.cli.clients import check_kafka, partition_counts

    await check_kafka(settings)
    found = (await partition_counts(settings, [topic])).get(topic)
    if found is None:
        raise Failure(f"there is no topic {topic}: stratafold topics create")
    if found != settings.partitions:
        raise Failure(
            f"topic {topic} has {found} partitions, but STRATAFOLD_PARTITIONS is {settings.partitions}"
        )
