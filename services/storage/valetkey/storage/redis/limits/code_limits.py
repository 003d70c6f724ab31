"""How many codes wait to be fetched: of one user at one client, in one session, of one user. Counted as they are put.

A code lives as long as the window in which it is counted, so that what a browser with a session can leave is bounded in
number and, since each counts once for each of its kilobytes, in bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from valetkey.core.oauth.errors import TooManyRequests
from valetkey.storage.redis.client.cluster import ClusterRedis
from valetkey.storage.redis.client.script import Script
from valetkey.storage.redis.kept.keyspace import code_count_keys

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from valetkey.core.oauth.authorization_code import AuthorizationCode
    from valetkey.storage.redis.kept.keyspace import CodeKey

_KILOBYTE = 1024
_NAMES = ("codes_of_client", "codes_of_session", "codes_of_user")
# The narrowest count comes first: what it refuses uses up nothing of the wider ones. ARGV: how much to count, for how
# many milliseconds, and the limits. Answers 0, or which limit was exceeded, negative if that has just happened.
_COUNT = """
for i = 1, 3 do
  local counted = redis.call('INCRBY', KEYS[i], ARGV[1])
  if counted == tonumber(ARGV[1]) then
    redis.call('PEXPIRE', KEYS[i], ARGV[2])
  end
  local limit = tonumber(ARGV[2 + i])
  if counted > limit then
    return counted - ARGV[1] > limit and i or -i
  end
end
"""
_COUNT_ALONE = Script(f"{_COUNT} return 0")
_COUNT_AND_PUT = Script(f"{_COUNT} redis.call('SET', KEYS[4], ARGV[6], 'PX', ARGV[2]) return 0")


class TooManyCodes(TooManyRequests):
    """So many codes as there may be wait to be fetched. ``limit`` names which; ``has_just_happened`` once a window."""

    def __init__(self, limit: str, retry_after: int, *, has_just_happened: bool) -> None:
        super().__init__(f"the limit {limit} is spent", retry_after)
        self.limit = limit
        self.has_just_happened = has_just_happened


@dataclass(frozen=True, slots=True)
class CodeLimits:
    """How many codes within the lifetime of one, each counting once for each of its kilobytes."""

    per_user_and_client: int
    per_session: int
    per_user: int

    async def put(self, redis: Redis, key: CodeKey, kept: bytes, code: AuthorizationCode, lifetime: int) -> None:
        """Keep a code for ``lifetime`` milliseconds, or raise ``TooManyCodes``; redis-py's errors pass."""
        login = code.authentication
        counts = code_count_keys(login.subject, login.session_id, code.client_uid)
        limits = (self.per_user_and_client, self.per_session, self.per_user)
        arguments = (-(-len(kept) // _KILOBYTE), lifetime, *limits)
        if isinstance(redis, ClusterRedis):
            # A code lies anywhere, for its value alone is known when it is fetched: one script cannot reach both.
            exceeded = cast("int", await _COUNT_ALONE.run(redis, counts, arguments))
            if not exceeded:
                await redis.set(key, kept, px=lifetime)
        else:
            exceeded = cast("int", await _COUNT_AND_PUT.run(redis, (*counts, key), (*arguments, kept)))
        if exceeded:
            raise TooManyCodes(_NAMES[abs(exceeded) - 1], -(-lifetime // 1000), has_just_happened=exceeded < 0)
