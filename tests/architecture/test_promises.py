"""Every promise of the README names the tests that notice when it is broken; the README says it in its own words."""

import re

import pytest

from support.repository import ROOT

_INTEGRATION, _PROTOCOL, _NIGHTLY = "tests/integration", "tests/protocol", "tests/nightly"

PROMISES = {
    "Ctrl-C leaves nothing running": [f"{_INTEGRATION}/test_demo.py::test_it_says_what_there_is_and_impatience_leaves"],
    "writes `.demo/demo.json`": [f"{_INTEGRATION}/test_demo.py::test_the_file_for_programs_is_ours_alone"],
    "Restarting replicas one after the other under load loses no request": [
        "tests/system/test_rolling_restart.py::test_a_rolling_restart_under_load_loses_no_request",
        f"{_NIGHTLY}/upgrade/test_two_releases.py::test_an_upgrade_and_its_roll_back_lose_no_request",
    ],
    "pods of a newer release wait for their schema": [
        f"{_INTEGRATION}/test_schema_gate.py::test_a_newer_release_waits_for_its_schema_while_the_older_one_serves"
    ],
    "every service has a database role that reaches only what is its own": [
        f"{_INTEGRATION}/test_roles.py::test_every_role_may_do_what_was_agreed_and_nothing_else"
    ],
    "PKCE with S256 from every client": [
        f"{_PROTOCOL}/test_rfc7636_pkce.py::test_no_verifier_is_refused_to_every_kind"
    ],
    "one success per code, ever": [
        f"{_INTEGRATION}/test_parallel_redemption.py::test_one_of_many_succeeds_and_its_tokens_die_of_the_replays",
        "tests/faults/test_faults.py::test_",
    ],
    "a retry within 10 s gets the same successor": [
        f"{_PROTOCOL}/test_refresh_tokens.py::test_a_retry_within_the_grace_period_gets_the_same_successor",
        f"{_INTEGRATION}/test_parallel_refresh.py::test_parallel_refreshes_rotate_once_and_all_get_the_same_successor",
    ],
    "reuse ends the authorization": [
        f"{_PROTOCOL}/test_refresh_tokens.py::test_a_rotated_token_after_the_grace_period_ends_the_authorization"
    ],
    "on success and on error": [
        f"{_PROTOCOL}/test_rfc9207_iss.py::test_every_response_names_the_issuer_of_the_metadata"
    ],
    "after a 200 no replica says active": [
        f"{_INTEGRATION}/test_stores_back.py::test_what_was_revoked_is_never_active_whatever_happens_to_the_stores",
        f"{_NIGHTLY}/faults/test_mutants.py::test_",
    ],
    "published long before they sign": [
        f"{_INTEGRATION}/test_key_rotation.py::test_a_due_key_waits_for_a_replica_that_does_not_serve_its_successor"
    ],
    "`unsupported_response_type`": [f"{_PROTOCOL}/test_authorization_errors.py::test_a_refusal_reaches_the_client"],
    "`unsupported_grant_type`": [f"{_PROTOCOL}/test_rfc6749_token_responses.py::test_grants_that_are_not_served"],
    "only the port of `http://127.0.0.1` and `http://[::1]` may vary": [
        "tests/unit/core/test_redirect_uri.py::test_the_port_of_a_loopback_literal_may_vary",
        f"{_PROTOCOL}/test_security_redirect_uris.py::test_a_redirect_uri_that_is_not_registered_is_never_used",
    ],
    "Tokens and secrets in query strings": [
        f"{_PROTOCOL}/test_security_requests.py::test_credentials_in_the_query_are_refused_even_beside_good_ones"
    ],
    "Every route then needs a token for this API unless it is marked `@public`": [
        "tests/contract/resource_server/test_api.py::test_a_public_route_needs_no_token_and_looks_at_none",
        "tests/contract/resource_server/test_api.py::test_without_a_token_there_is_a_challenge",
    ],
    "still works": [f"{_INTEGRATION}/test_stores_away_table.py::test_whatever_the_readme_says_still_works_is_proved"],
    "refused with 503 and `Retry-After`": [
        f"{_INTEGRATION}/test_stores_away_table.py::test_whatever_the_readme_says_is_refused_is_proved"
    ],
    "Redis never makes a revoked token active or a spent code good again": [
        f"{_INTEGRATION}/test_stores_back.py::test_a_spent_code_stays_spent_when_redis_is_restored_from_before"
    ],
    "Nothing needs to be restarted when a store comes back": [
        f"{_INTEGRATION}/test_stores_back.py::test_services_that_met_an_absence_recover_by_themselves"
    ],
    "what was lost (nothing that had been acknowledged)": ["tests/faults/test_durability.py::test_"],
    "brings back nothing that had ended": ["tests/upgrade/test_restore.py::test_nothing_that_ended_since_the_backup"],
    "client credentials, keys and metadata ask no store": [
        f"{_INTEGRATION}/test_hot_path_cost.py::test_client_credentials_ask_no_store",
        f"{_INTEGRATION}/test_hot_path_cost.py::test_keys_and_metadata_ask_no_store",
    ],
    "introspection is one read of Redis for all concurrent requests": [
        f"{_INTEGRATION}/test_hot_path_cost.py::test_an_introspection_is_one_read_of_redis",
        "tests/unit/storage/test_coalescing.py::test_callers_of_the_same_turn_share_one_query",
    ],
    "a refresh is one statement, a redemption one command and one statement": [
        f"{_INTEGRATION}/test_hot_path_cost.py::test_a_refresh_is_one_statement",
        f"{_INTEGRATION}/test_hot_path_cost.py::test_a_redemption_is_one_command_and_one_statement",
    ],
    "the database does not grow with traffic": [
        f"{_NIGHTLY}/upgrade/test_nothing_grows.py::test_after_the_longest_lifetime"
    ],
    "503 or 429, and when to come back, instead of a line without end": [
        f"{_PROTOCOL}/test_security_password_pool.py::test_what_does_not_fit_into_the_pool_is_sent_away_at_once",
        f"{_PROTOCOL}/test_security_interaction_limit.py::test_an_address_begins_so_many_interactions",
        f"{_INTEGRATION}/test_postgres_faults.py::test_a_caller_behind_too_long_a_queue_is_refused_at_once",
        f"{_NIGHTLY}/test_abusive_clients.py::test_many_abusive_clients_are_refused_and_a_normal_one_is_served",
        "tests/contract/test_client_rate.py::test_the_refusal_says_when_the_minute_is_over",
    ],
    "a flood of logins at most doubles the p99 of introspection where authorize has cores of its own": [
        f"{_NIGHTLY}/test_login_flood.py::test_a_flood_of_logins_at_most_doubles"
    ],
    "rolling out and back under load loses no request, no code and no token": [
        f"{_NIGHTLY}/upgrade/test_two_releases.py::test_an_upgrade_and_its_roll_back_lose_no_request_and_nothing_in_flight"
    ],
    "a rotation under load breaks no verification": [
        f"{_NIGHTLY}/test_key_rotation_in_use.py::test_no_verification_fails_however_often_keys_rotate"
    ],
    "`valetkey serve token --reuse-port` lets several processes share the port": [
        f"{_INTEGRATION}/test_shared_port.py::test_connections_go_to_all_of_them_and_each_counts_its_own",
        f"{_INTEGRATION}/test_shared_port.py::test_processes_that_are_restarted_one_after_the_other_lose_no_request",
    ],
    "in the `X-Trace-Id` header, in the JSON, and on every error page": [
        f"{_PROTOCOL}/test_telemetry_trace_ids.py::test_every_route_names_its_trace_whatever_the_method"
    ],
    "with the same trace id": [f"{_PROTOCOL}/test_telemetry_audit.py::test_"],
}
# The rows of the README's table by their names, with a promise of each.
UNDER_LOAD = {
    "cost": "client credentials, keys and metadata ask no store",
    "growth": "the database does not grow with traffic",
    "too much": "503 or 429, and when to come back, instead of a line without end",
    "floods": ("a flood of logins at most doubles the p99 of introspection where authorize has cores of its own"),
    "releases": "rolling out and back under load loses no request, no code and no token",
    "keys": "a rotation under load breaks no verification",
}


@pytest.mark.parametrize("test", sorted({test for tests in PROMISES.values() for test in tests}))
def test_the_test_of_a_promise_exists(test: str) -> None:
    file, _, name = test.partition("::")

    assert re.search(rf"^(?:async )?def {name}", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.requirement("operations: every promise in the README has its test")
def test_every_row_about_load_is_a_promise() -> None:
    rows = re.findall(r"^\| ([a-z ]+) \|", _section("Under load"), re.MULTILINE)[1:]

    assert set(rows) == set(UNDER_LOAD)
    assert set(UNDER_LOAD.values()) <= set(PROMISES)


def _section(title: str) -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0]
