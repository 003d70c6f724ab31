"""Opens the stores behind the endpoints, and closes them again."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from uuid import uuid4

from redis.asyncio import Redis

from valetkey.authorize.attempt_storage import attempt_storage
from valetkey.authorize.attempts import LoginAttempts
from valetkey.authorize.browser import BrowserCookies
from valetkey.authorize.csrf import Csrf
from valetkey.authorize.device import Devices
from valetkey.authorize.pages import Pages
from valetkey.authorize.password import PasswordParameters, PasswordPool
from valetkey.authorize.service import AuthorizeService
from valetkey.core.ports import Clock
from valetkey.runtime.http.cookies import Cookies
from valetkey.runtime.postgres.catalog_cache import CatalogCache
from valetkey.runtime.postgres.client_cache import ClientCache
from valetkey.runtime.postgres.consents import Consents
from valetkey.runtime.postgres.jwk_set_cache import JwkSetCache
from valetkey.runtime.postgres.pool import Database
from valetkey.runtime.postgres.revocations import RevocationRecords
from valetkey.runtime.postgres.sessions import Sessions
from valetkey.runtime.postgres.users import Users
from valetkey.runtime.redis.codes import RedisCodes
from valetkey.runtime.redis.connection import connect
from valetkey.runtime.redis.interactions import RedisInteractions
from valetkey.runtime.redis.revocations import RedisRevocations
from valetkey.runtime.revocation import RevocationStore
from valetkey.runtime.settings import Settings


@asynccontextmanager
async def open_service(settings: Settings, pages: Pages, clock: Clock) -> AsyncIterator[AuthorizeService]:
    """Everything the endpoints work with. Opens while the stores are away, too: requests then say 503."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(_database(settings))
        redis = connect(settings.redis_url.reveal(), timeout=timedelta(seconds=settings.redis_timeout))
        stack.push_async_callback(redis.aclose)
        keys = JwkSetCache(
            database,
            replica_id=str(uuid4()),
            service="authorize",
            poll_interval=timedelta(seconds=settings.key_poll_interval),
            clock=clock,
        )
        stack.push_async_callback(keys.close)
        await keys.start()
        revocations = _revocations(settings, database, redis, clock)
        stack.push_async_callback(revocations.aclose)
        passwords = _passwords(settings)
        stack.callback(passwords.close)
        cookie_keys = settings.cookie_keys.reveal()
        fresh, stale = (
            timedelta(seconds=settings.client_cache_lifetime),
            timedelta(seconds=settings.client_stale_lifetime),
        )
        yield AuthorizeService(
            settings=settings,
            clients=ClientCache(
                database, size=settings.client_cache_size, lifetime=fresh, stale_lifetime=stale, clock=clock
            ),
            catalog=CatalogCache(database, lifetime=fresh, stale_lifetime=stale, clock=clock),
            keys=keys,
            users=Users(database),
            sessions=Sessions(
                database,
                revocations.publish,
                idle_lifetime=timedelta(seconds=settings.session_idle_lifetime),
                lifetime=timedelta(seconds=settings.session_lifetime),
            ),
            consents=Consents(database),
            interactions=RedisInteractions(redis, lifetime=timedelta(seconds=settings.login_lifetime), clock=clock),
            codes=RedisCodes(
                redis,
                lifetime=timedelta(seconds=settings.authorization_code_lifetime),
                tombstone=timedelta(seconds=settings.access_token_lifetime),
            ),
            passwords=passwords,
            attempts=LoginAttempts(
                attempt_storage(redis),
                per_account=settings.login_attempts_per_account,
                per_address=settings.login_attempts_per_address,
                window=settings.login_attempts_window,
            ),
            cookies=BrowserCookies(Cookies(https=settings.issuer_is_https)),
            devices=Devices(cookie_keys),
            csrf=Csrf(cookie_keys),
            pages=pages,
            clock=clock,
        )


def _database(settings: Settings) -> Database:
    return Database(
        settings.postgres_dsn.reveal(),
        min_size=settings.postgres_pool_min,
        max_size=settings.postgres_pool_max,
        timeout=timedelta(seconds=settings.postgres_timeout),
        application_name="valetkey-authorize",
    )


def _revocations(settings: Settings, database: Database, redis: Redis, clock: Clock) -> RevocationStore:
    timeout = timedelta(seconds=settings.redis_timeout)
    in_redis = RedisRevocations(redis, settings.redis_url.reveal(), clock=clock, timeout=timeout)
    return RevocationStore(RevocationRecords(database), in_redis, clock=clock)


def _passwords(settings: Settings) -> PasswordPool:
    parameters = PasswordParameters(
        time_cost=settings.password_time_cost,
        memory_cost=settings.password_memory_cost,
        parallelism=settings.password_parallelism,
        max_length=settings.password_max_length,
    )
    return PasswordPool(parameters, workers=settings.password_workers, queue=settings.password_queue)
