"""The user of deploy/redis/users.acl may do what we need, and nothing else."""

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import redis

from support.fake_revocations import FakeRevocations
from support.fleet import Fleet
from support.redis_cluster import EmbeddedCluster
from support.revocation_store import new_target, open_replicas, revocation
from support.sealing import redis_codes
from support.system import System
from support.wire_values import CODE
from valetkey.core.oauth.authorization_code import CodeBinding, RedemptionOutcome, generate_code
from valetkey.demo.free_port import LOOPBACK
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.demo.stores.embedded_redis import EmbeddedRedis
from valetkey.storage.redis.client.connection import connect
from valetkey.storage.redis.kept.keyspace import LOGIN_ATTEMPTS
from valetkey.storage.redis.limits.code_limits import CodeLimits
from valetkey.storage.redis.limits.login_attempts import Guess, LoginAttempts
from valetkey.storage.redis.limits.rate_limit_storage import RateLimitStorage

RULES = Path(__file__).parents[2] / "deploy" / "redis" / "users.acl"


class GuardedRedis(EmbeddedRedis):
    """A server that knows only the user of our rules."""

    @property
    def url(self) -> str:
        """The address with that user."""
        return f"redis://valetkey:{self._password}@{LOOPBACK}:{self.port}/0"

    def _prepare(self) -> Sequence[str | Path]:
        command = super()._prepare()
        digest = hashlib.sha256(self._password.encode()).hexdigest()
        rules = self.directory / "users.acl"
        rules.write_text(RULES.read_text().replace("@PASSWORD_SHA256@", digest))
        configuration = self.directory / "configuration"
        lines = [line for line in configuration.read_text().splitlines() if not line.startswith("requirepass")]
        configuration.write_text("\n".join([*lines, f"aclfile {rules}", ""]))
        return command


@pytest.fixture
def guarded_redis() -> Iterator[GuardedRedis]:
    with GuardedRedis() as server:
        yield server


@pytest.mark.requirement("security 57: least privilege")
async def test_what_was_counted_of_logins_can_be_forgotten(guarded_redis: GuardedRedis) -> None:
    async with connect(guarded_redis.url) as client:
        attempts = LoginAttempts(RateLimitStorage(client, LOGIN_ATTEMPTS), per_account=1, per_address=9, window=60)
        await attempts.count(Guess("ada", "account", "198.51.100.7"))

        forgotten = await attempts.forget(["ada"], "account")

    assert [each.attempts for each in forgotten] == [1, 1]


@pytest.mark.requirement("security 57: least privilege")
def test_a_login_refresh_and_revocation_need_no_more_than_the_rules_allow(
    disposable_postgres: EmbeddedPostgres, guarded_redis: GuardedRedis
) -> None:
    with System(disposable_postgres.dsn_of("valetkey"), guarded_redis.url) as system:
        fleet = Fleet(system, system.run(system.administration.create_catalog()))

        async def live() -> list[bool]:
            party, api = await fleet.new_party(), fleet.new_api()
            tokens = await party.log_in(scope="openid offline_access api:read")
            refreshed = await party.refresh(tokens.refresh_token)
            states = [(await api.introspect(refreshed.access_token)).active]
            # By now Redis has been loaded, and answers instead of PostgreSQL.
            await asyncio.sleep(1.5)
            states.append((await api.introspect(refreshed.access_token)).active)
            await party.revoke(refreshed.refresh_token)
            states.append((await api.introspect(refreshed.access_token)).active)
            await party.browser.close()
            await api.browser.close()
            return states

        states = asyncio.run(live())
        with redis.Redis.from_url(guarded_redis.url) as client:
            marker = client.get("vk:{rev}:loaded")
            run_id = client.info("server")["run_id"]

    assert states == [True, True, False]
    assert marker.startswith(run_id.encode())


@pytest.mark.parametrize(
    "command", ["KEYS *", "FLUSHALL", "CONFIG GET *", "GET other", "SCRIPT FLUSH", "CLUSTER RESET"]
)
def test_what_we_never_do_is_forbidden(guarded_redis: GuardedRedis, command: str) -> None:
    with redis.Redis.from_url(guarded_redis.url) as client, pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*command.split())


async def test_the_rules_are_enough_on_a_cluster(cluster_url: str, redis_cluster: EmbeddedCluster) -> None:
    password, (_, rules) = "of-this-test", RULES.read_text().splitlines()
    digest = hashlib.sha256(password.encode()).hexdigest()
    _, name, *permissions = rules.replace("@PASSWORD_SHA256@", digest).split()
    for node in redis_cluster.masters:
        with node.client() as client:
            client.execute_command("ACL", "SETUSER", name, *permissions)
    url = f"redis+cluster://{name}:{password}@{cluster_url.rpartition('@')[2]}"
    value, target = generate_code(), new_target()

    async with connect(url) as client, open_replicas(FakeRevocations(), url) as (replica,):
        codes = redis_codes(client, CodeLimits(60, 120, 300))
        await codes.put(value, CODE)
        await codes.consume(value, CodeBinding(CODE.client_uid, CODE.code_challenge, CODE.redirect_uri))
        await codes.release(value, CODE.issued_at)
        taken = await codes.consume(value, CodeBinding(CODE.client_uid, CODE.code_challenge, CODE.redirect_uri))
        await replica.load()
        await replica.store.revoke([revocation(target)])
        is_revoked = await replica.is_revoked(target)

    assert (taken.outcome, is_revoked) == (RedemptionOutcome.TAKEN, True)
