"""Redis goes away just when something has ended in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime

import pytest
import redis

from support.operator_cli import Operator
from valetkey.administration import clients, installation
from valetkey.cli.exit_code import ExitCode
from valetkey.core.oauth.revocation import Revocation
from valetkey.demo.stores.embedded_redis import EmbeddedRedis
from valetkey.storage.postgres.tables.client_lifecycle import ClientLifecycle
from valetkey.storage.redis.kept.keyspace import REVOCATIONS_LOADED


@pytest.mark.requirement("security 55: dependencies away: fail closed")
def test_the_operator_is_told_what_redis_missed_and_how_to_mend_it(
    operator: Operator, disposable_redis: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = operator.with_variables(redis_url=disposable_redis.url)
    operator.succeed("client", "create", "web", "--redirect-uri", "https://web.example/cb")

    class EndingsWhileRedisDies(ClientLifecycle):
        async def disable(self, client_id: str, now: datetime) -> Sequence[Revocation] | None:
            ended = await super().disable(client_id, now)
            disposable_redis.kill()
            return ended

    monkeypatch.setattr(clients, "ClientLifecycle", EndingsWhileRedisDies)
    monkeypatch.setattr(installation, "_PAUSE", 0)
    interrupted = operator.run("client", "delete", "web", "--yes")
    monkeypatch.undo()
    disposable_redis.start()

    again = operator.run("client", "delete", "web", "--yes")

    assert interrupted.exit_code == ExitCode.UNAVAILABLE
    assert "valetkey revocation reload" in interrupted.err
    assert [event["outcome"] for event in interrupted.events] == ["failure"]
    assert again.exit_code == ExitCode.OK
    with redis.Redis.from_url(disposable_redis.url) as client:
        assert client.exists("vk:{rev}:client:web")


def test_redis_is_not_believed_until_it_has_been_loaded_anew(operator: Operator, redis_flusher: redis.Redis) -> None:
    redis_flusher.set(REVOCATIONS_LOADED.prefix, "the run id of a server")

    outcome = operator.succeed("revocation", "reload")

    assert not redis_flusher.exists(REVOCATIONS_LOADED.prefix)
    assert [event["type"] for event in outcome.events] == ["revocations.reloaded"]
