from ipaddress import ip_network

import pytest

from support.http_request import make_request
from valetkey.runtime.http.address import address_group, client_address

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def seen(peer: str, *forwarded: str) -> str:
    return client_address(make_request(peer=peer, headers=[("X-Forwarded-For", value) for value in forwarded]), TRUSTED)


@pytest.mark.requirement("security 48: X-Forwarded-* from untrusted callers is not believed")
def test_an_untrusted_caller_cannot_choose_its_address() -> None:
    assert seen("203.0.113.9", "192.0.2.1") == "203.0.113.9"
    assert client_address(make_request(peer="10.0.0.1", headers=[("X-Forwarded-For", "192.0.2.1")]), ()) == "10.0.0.1"


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (["203.0.113.9"], "203.0.113.9"),
        (["192.0.2.66, 203.0.113.9"], "203.0.113.9"),
        (["192.0.2.66, 203.0.113.9, 10.1.1.1"], "203.0.113.9"),
        (["192.0.2.66", "203.0.113.9"], "203.0.113.9"),
        (["10.2.2.2, 10.1.1.1"], "10.2.2.2"),
        (["not an address"], "10.0.0.1"),
        (["203.0.113.9, not an address, 10.1.1.1"], "10.1.1.1"),
        (["203.0.113.9:4711"], "203.0.113.9"),
        (["192.0.2.66:1, 203.0.113.9:65535, 10.1.1.1:443"], "203.0.113.9"),
        (["[2001:db8::0001]:4711"], "2001:db8::1"),
        (["[2001:db8::0001]"], "2001:db8::1"),
        (["[::ffff:203.0.113.9]:80"], "203.0.113.9"),
        ([" [fd00::1]:443 "], "fd00::1"),
        (["203.0.113.9, [fd00::1]:443"], "203.0.113.9"),
        # Without brackets a port cannot be told from a group.
        (["2001:db8::1:4711"], "2001:db8::1:4711"),
        (["203.0.113.9:"], "10.0.0.1"),
        (["203.0.113.9:port"], "10.0.0.1"),
        (["203.0.113.9:4711:1"], "10.0.0.1"),
        (["203.0.113.9:123456"], "10.0.0.1"),
        (["[203.0.113.9"], "10.0.0.1"),
        (["203.0.113.9]:1"], "10.0.0.1"),
        (["[[2001:db8::1]]"], "10.0.0.1"),
        (["[]:1"], "10.0.0.1"),
        ([":4711"], "10.0.0.1"),
        (["_hidden:4711"], "10.0.0.1"),
        ([""], "10.0.0.1"),
        ([], "10.0.0.1"),
        (["2001:db8::0001"], "2001:db8::1"),
        (["::ffff:203.0.113.9"], "203.0.113.9"),
        (["203.0.113.9" + ", 10.1.1.1" * 50], "10.1.1.1"),
    ],
)
def test_only_what_trusted_proxies_wrote_counts(forwarded: list[str], address: str) -> None:
    assert seen("10.0.0.1", *forwarded) == address


def test_a_mapped_peer_is_recognised_as_a_trusted_proxy() -> None:
    assert seen("::ffff:10.0.0.1", "203.0.113.9") == "203.0.113.9"


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("unknown", "unknown"),
        ("", "unknown"),
    ],
)
def test_rate_limits_count_by_subscriber(address: str, group: str) -> None:
    assert address_group(address) == group
