"""What can be left behind, by whom, and how much at most: the table in ``deploy/sizing.md``."""

from __future__ import annotations

from datetime import timedelta

from support.left_behind_postgres import POSTGRES
from support.left_behind_row import Row
from support.repository import ROOT
from valetkey.core.oauth import redirect_uri
from valetkey.core.oauth.revocation import REVOCATION_MARGIN
from valetkey.core.oidc.claims.policy.policy import MAX_BYTES, MOST_PLANS, MOST_POLICIES
from valetkey.core.oidc.claims.table import MOST_SCOPES
from valetkey.introspection import signature_cache, verified_tokens
from valetkey.runtime.http import address, client_authentication_cache
from valetkey.runtime.http.limits import client_rate, connection_limit
from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.telemetry.metric import MAX_LABEL_SETS
from valetkey.storage.postgres.tables.revocation_lifetime import REVOCATION_LIFETIME
from valetkey.storage.redis.limits import window_limit
from valetkey.token import revocation_limit
from valetkey.token.grants import client_credentials

PAGE = ROOT / "deploy" / "sizing.md"
BEGIN = "<!-- left behind: begin, written by make left-behind-table -->"
END = "<!-- left behind: end -->"
_S = Settings()
# Bytes of a key with its value, as Redis has it in memory: measured, with room for a longer name and what seals it.
CODE, INTERACTION, COUNT, CODE_COUNT, REVOCATION = 710, 650, 200, 150, 220
_MINUTES = 60
CODE_SECONDS = _S.authorization_code_lifetime + _S.access_token_lifetime
REVOCATION_SECONDS = int((REVOCATION_LIFETIME + REVOCATION_MARGIN) / timedelta(seconds=1))


def megabytes(size: float) -> str:
    """Bytes, rounded up to what a person can compare."""
    if size < 100_000:
        return f"{-(-size // 1000):,.0f} kB"
    return f"{-(-size // 100_000) / 10:,.1f} MB"


def _minutes(seconds: int) -> str:
    return f"{seconds // _MINUTES} minutes" if seconds >= 2 * _MINUTES else f"{seconds} seconds"


_LOGIN, _TRIES = _minutes(_S.login_lifetime), _minutes(_S.login_attempts_window)
_CODES, _TOKENS = _minutes(_S.authorization_code_lifetime), _minutes(_S.access_token_lifetime)
_KILOBYTES = 1024 + 150
# What is spent within the lifetime of a code is remembered for as long as an access token may live.
_PER_USER = _S.codes_per_user * CODE_SECONDS // _S.authorization_code_lifetime
_GRANTS = _S.codes_per_user_and_client * REVOCATION_SECONDS // _S.authorization_code_lifetime
_GRANTS_OF_USER = _S.codes_per_user * REVOCATION_SECONDS // _S.authorization_code_lifetime
_PER_ADDRESS = min(connection_limit.MOST, _S.max_requests_in_flight) // connection_limit.PART

REDIS = (
    Row(
        "vk:interaction:",
        "any caller",
        f"{_S.interactions_per_address:,} for each address (IPv6: one /64) within {_LOGIN}, "
        f"and {_S.interactions_per_browser} for each browser; a large one counts once for each of its kilobytes",
        f"{INTERACTION} bytes each, 6 KiB at most; {megabytes(_S.interactions_per_address * _KILOBYTES)} an address",
        "tests/protocol/test_security_interaction_limit.py::test_whatever_an_address_sends_it_leaves_so_many_bytes",
    ),
    Row(
        "vk:code:",
        "a browser with a session",
        f"{_S.codes_per_user_and_client} for each user and client, {_S.codes_per_session} for each session, "
        f"{_S.codes_per_user} for each user within {_CODES}, likewise; fetched ones for {_TOKENS} more",
        f"{CODE} bytes each, 6 KiB at most; {megabytes(_PER_USER * _KILOBYTES)} a user whose clients fetch all",
        "tests/protocol/test_security_code_limits.py::test_requests_at_once_over_all_replicas_get_no_more",
    ),
    Row(
        "vk:codes:",
        "a browser with a session",
        "one for each user, session, and user and client that has been issued a code within the time above",
        f"{CODE_COUNT} bytes each; {megabytes((2 * _S.codes_per_user + 1) * CODE_COUNT)} for a user",
        "tests/contract/test_code_limits.py::test_every_key_that_is_left_has_an_end",
    ),
    Row(
        "vk:attempts",
        "any caller",
        f"{_S.login_attempts_per_address} guesses for each address within {_TRIES}, each at a name and an account, "
        "and one for the address",
        f"{COUNT} bytes each; {megabytes((2 * _S.login_attempts_per_address + 1) * COUNT)} for an address",
        "tests/protocol/test_security_left_behind.py::"
        "test_an_address_that_guesses_leaves_two_counts_for_each_guess_that_it_may_make_and_one_for_itself",
    ),
    Row(
        "vk:limits",
        "any caller",
        f"one for each browser that an interaction is counted for, {_S.client_failures_per_address} for wrong secrets "
        "from each address, and three for the address; one for each client that revokes, and for each user who has the "
        "own address confirmed; one for each right answer of a passkey, for 7 minutes, as many as interactions",
        f"{COUNT} bytes each; {megabytes((_S.client_failures_per_address + 2) * COUNT)} an address beside its "
        "browsers, which interactions include",
        "tests/protocol/test_security_interaction_limit.py::"
        "test_browsers_that_are_made_up_leave_no_count_beyond_that_of_their_address",
    ),
    Row(
        "vk:{rate}:",
        "a client",
        "two for each confidential client and service, where `client_requests_per_minute` is set",
        f"{COUNT} bytes each",
        "tests/contract/test_client_rate.py::test_without_a_limit_nothing_is_kept_and_redis_hears_nothing",
    ),
    Row(
        "vk:{rev}:",
        "a client",
        f"{_S.revocations_per_client:,} access tokens for each confidential client within {_TOKENS}, "
        f"{revocation_limit.PER_AUTHORIZATION} for each authorization of a public one",
        f"{REVOCATION} bytes each; {megabytes(_S.revocations_per_client * REVOCATION)} for a client",
        "tests/protocol/test_security_revocation_limit.py::test_what_is_remembered_is_bounded_in_both_stores",
    ),
    Row(
        "vk:{rev}:",
        "a user",
        "one for each grant that makes room, is revoked or ends with its session, for "
        f"{_minutes(REVOCATION_SECONDS)}: as many as codes, {_GRANTS:,} for each client, {_GRANTS_OF_USER:,} for all",
        f"{REVOCATION} bytes each; {megabytes(_GRANTS_OF_USER * REVOCATION)} for a user",
        "tests/protocol/test_security_left_behind.py::"
        "test_a_session_that_ends_leaves_one_revocation_for_as_long_as_tokens_may_live",
    ),
    Row(
        "vk:{rev}:loaded",
        "ourselves",
        "one",
        f"{COUNT} bytes",
        "tests/contract/test_revocations.py::test_an_empty_redis_is_not_believed",
    ),
)
MEMORY = (
    Row(
        "runtime/http/limits/connection_limit.py AddressShares",
        "any caller",
        f"{connection_limit.MOST:,} connections (fewer where file descriptors are), {_PER_ADDRESS} of one address "
        "(IPv6: one /64), our proxies apart",
        f"24 kB each while idle; {megabytes(_PER_ADDRESS * 24_000)} for an address, and a body beside each",
        "tests/integration/test_slow_addresses.py::test_another_address_is_served_promptly_and_never_refused",
    ),
    Row(
        "runtime/http/limits/in_flight.py InFlight",
        "any caller",
        f"{_S.max_requests_in_flight:,} requests in progress, and as many bodies that arrive slowly",
        f"{_S.max_body_bytes:,} bytes each; {megabytes(_PER_ADDRESS * _S.max_body_bytes)} for an address",
        "tests/protocol/http_layer/test_backpressure.py::test_slow_bodies_are_bounded_too",
    ),
    Row(
        "runtime/http/limits/connection_limit.py Refusals",
        "any caller",
        f"{connection_limit.MAX_REFUSALS} connections that are being refused, a second each",
        "2 kB each",
        "tests/protocol/http_layer/test_connections_of_one_address.py::"
        "test_a_burst_gets_no_further_than_one_after_the_other",
    ),
    Row(
        "runtime/http/address.py lru_cache",
        "any caller",
        f"{address.KNOWN_ADDRESSES:,} texts of at most {address.MAX_LENGTH} characters, and as many addresses",
        megabytes(address.KNOWN_ADDRESSES * 600),
        "tests/unit/runtime/test_memory_of_unauthenticated_requests.py::test_what_is_sent_is_not_remembered_beyond_a_bound",
    ),
    Row(
        "core/jose/verify_own.py lru_cache",
        "any caller",
        "64 headers of tokens of at most 384 characters",
        "64 kB",
        "tests/unit/runtime/test_memory_of_unauthenticated_requests.py::test_what_is_sent_is_not_remembered_beyond_a_bound",
    ),
    Row(
        "storage/redis/limits/window_limit.py WindowLimit",
        "any caller",
        f"{window_limit.MAX_REMEMBERED:,} digests of who has spent a limit, for each of at most five limits",
        "4.2 MB for each limit",
        "tests/unit/runtime/test_memory_of_unauthenticated_requests.py::"
        "test_so_many_keys_that_are_spent_are_remembered_by_their_digests",
    ),
    Row(
        "runtime/telemetry/metric.py Metric",
        "any caller",
        f"{MAX_LABEL_SETS} label sets for each metric, all of them ours",
        "about 1 kB each",
        "tests/unit/runtime/test_metrics.py::test_label_sets_are_bounded",
    ),
    Row(
        "authorize/login/password.py PasswordPool",
        "any caller",
        f"{_S.password_queue} passwords that wait, {_S.password_workers} that are hashed",
        f"{_S.password_max_length:,} bytes each; {megabytes(_S.password_memory_cost * 1024)} while it is hashed",
        "tests/unit/authorize/test_password.py::test_a_full_pool_refuses_at_once_and_recovers",
    ),
    Row(
        "storage/postgres/database/connections.py OrderedDict",
        "any caller",
        "as many requests as wait for a connection to PostgreSQL, which is part of those in progress",
        "1 kB each",
        "tests/unit/storage/test_connections.py::test_the_line_has_an_end",
    ),
    Row(
        "token/grants/client_credentials.py BoundedCache",
        "a client",
        f"{client_credentials.MAX_CLIENTS:,} clients, {client_credentials.MAX_QUESTIONS} questions each",
        f"{megabytes(client_credentials.MAX_BYTES)}; 16 kB for a client",
        "tests/unit/token/test_memory_of_entitlements.py::"
        "test_one_client_whose_requests_all_differ_takes_a_few_kilobytes",
    ),
    Row(
        "runtime/http/client_authentication_cache.py BoundedCache",
        "a client",
        f"{client_authentication_cache.MAX_HEADERS:,} headers; a client that sends many displaces its own",
        megabytes(client_authentication_cache.MAX_BYTES),
        "tests/unit/runtime/test_client_authentication_cache.py::"
        "test_a_client_that_spells_its_header_in_every_way_displaces_no_other",
    ),
    Row(
        "introspection/verified_tokens.py BoundedCache",
        "a client",
        f"{verified_tokens.MAX_TOKENS:,} tokens; a client with many displaces its own",
        megabytes(verified_tokens.MAX_BYTES),
        "tests/unit/introspection/test_memory_of_tokens.py::"
        "test_ten_thousand_usual_tokens_fit_and_the_longest_are_held_to_the_bytes",
    ),
    Row(
        "introspection/signature_cache.py bytearray",
        "a client",
        "262,144 digests in a table that never grows; the oldest of four makes room: its signature is checked again",
        megabytes(len(vars(signature_cache.SignatureCache())["_table"])),
        "tests/unit/introspection/test_signature_cache.py::test_in_a_bucket_the_newest_four_are_remembered",
    ),
    Row(
        "core/oauth/access_token.py lru_cache",
        "a client",
        "256 each of scopes, audiences and epochs that tokens of ours share",
        megabytes(4 << 20),
        "tests/unit/introspection/test_memory_of_tokens.py::test_what_tokens_share_is_bounded_too",
    ),
    Row(
        "runtime/http/limits/client_rate.py ClientRate",
        "a client",
        f"{client_rate.MAX_CLIENTS:,} confidential clients in a minute",
        "3 MB",
        "tests/contract/test_client_rate.py::test_what_is_kept_of_clients_is_bounded",
    ),
    Row(
        "storage/postgres/caches/read_through.py OrderedDict",
        "an operator",
        f"{_S.client_cache_size:,} clients that exist, and the catalog; of others nothing",
        f"about 1 kB each; {megabytes(_S.client_cache_size * 1000)}",
        "tests/unit/storage/test_read_through.py::test_what_does_not_exist_is_not_kept",
    ),
    Row(
        "storage/postgres/tables/rows.py lru_cache",
        "an operator",
        "1,024 each of lists and sets that registrations share",
        "what is registered",
        "tests/unit/runtime/test_memory_of_clients.py::test_clients_that_are_registered_alike_share_what_is_equal",
    ),
    Row(
        "core/oidc/claims/policy/policy.py lru_cache",
        "an operator",
        f"{MOST_POLICIES:,} claim policies of at most {MAX_BYTES} bytes, each with {MOST_PLANS} audiences and scopes",
        "what is registered, and 60 MB at most",
        "tests/unit/core/test_claim_policy.py::test_what_is_worked_out_of_scopes_and_policies_is_bounded",
    ),
    Row(
        "core/oidc/claims/table.py ClaimTable",
        "a client",
        f"{MOST_SCOPES:,} lists of at most 64 registered scopes, and the claims that they open",
        megabytes(MOST_SCOPES * 3000),
        "tests/unit/core/test_claim_policy.py::test_what_is_worked_out_of_scopes_and_policies_is_bounded",
    ),
    Row(
        "core/oauth/redirect_uri.py lru_cache",
        "a client",
        "1,024 redirect URIs that are registered, those of loopback addresses with each port that a request names",
        megabytes(1024 * (2 * redirect_uri.MAX_LENGTH + 400)),
        "tests/unit/runtime/test_memory_of_unauthenticated_requests.py::test_redirect_uris_are_not_remembered_beyond_a_bound",
    ),
    Row(
        "core/jose/sign.py lru_cache",
        "ourselves",
        "64 headers of our own keys",
        "16 kB",
        "tests/unit/runtime/test_memory_of_unauthenticated_requests.py::test_what_only_our_own_keys_fill_is_small",
    ),
    Row(
        "core/oauth/refresh_token.py lru_cache",
        "ourselves",
        "64 keys of ours",
        "64 kB",
        "tests/unit/runtime/test_memory_of_unauthenticated_requests.py::test_what_only_our_own_keys_fill_is_small",
    ),
)
PLACES = {"Redis": REDIS, "PostgreSQL": POSTGRES, "the memory of a process": MEMORY}
_HEAD = "| what | left by | at most | bytes | shown by |\n|---|---|---|---|---|\n"


def table() -> str:
    """What stands between the two comments."""
    attempts = 2 * _S.login_attempts_per_address + 1 + _S.client_failures_per_address + 2
    of_address = _S.interactions_per_address * _KILOBYTES + attempts * COUNT
    of_user = _PER_USER * _KILOBYTES + (2 * _S.codes_per_user + 1) * CODE_COUNT + _GRANTS_OF_USER * REVOCATION
    sums = (
        f"At worst one address leaves {megabytes(of_address)} in Redis without an account, and takes "
        f"{megabytes(_PER_ADDRESS * (24_000 + _S.max_body_bytes))} of the memory of a process while it holds its "
        f"connections.\nOne user leaves {megabytes(of_user)}, one confidential client "
        f"{megabytes(_S.revocations_per_client * REVOCATION)}. What many leave together stops short of the reserve."
    )
    parts = [sums, *_tables()]
    return "\n\n".join(parts)


def _tables() -> list[str]:
    return [f"### In {place}\n\n{_HEAD}" + "\n".join(row.line for row in rows) for place, rows in PLACES.items()]


def written(page: str) -> str:
    """The page with the table as it is now."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
