"""What a service says of itself, for each request."""

import pytest

from bench.counters import Counters, counters_in

SCRAPED = """\
# TYPE http_server_request_duration_seconds histogram
http_server_request_duration_seconds_bucket{http_route="/token",le="+Inf"} 100.0
http_server_request_duration_seconds_count{http_route="/token"} 100.0
http_server_request_duration_seconds_sum{http_route="/token"} 1.0
http_server_request_duration_seconds_count{http_route="/revoke"} 20.0
# TYPE db_client_operation_duration_seconds histogram
db_client_operation_duration_seconds_count{db_system_name="postgresql",db_operation_name="clients.find"} 30.0
db_client_operation_duration_seconds_count{db_system_name="postgresql",db_operation_name="authorizations.rotate"} 40.0
db_client_operation_duration_seconds_count{db_system_name="redis",db_operation_name="codes.consume"} 12.0
"""


def test_routes_and_operations_are_added_up() -> None:
    assert counters_in(SCRAPED) == Counters(requests=120, sql=70, redis=12)


def test_only_what_came_since_then_counts() -> None:
    found = Counters(220, 80, 32).since(counters_in(SCRAPED))

    assert (found.sql_per_request, found.redis_per_request) == pytest.approx((0.1, 0.2))


def test_without_requests_there_is_no_division_by_zero() -> None:
    idle = Counters(0, 5, 5)

    assert (idle.sql_per_request, idle.redis_per_request) == (0, 0)
