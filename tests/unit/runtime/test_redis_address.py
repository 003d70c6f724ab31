"""What a Redis URL may say, and what is said about one that may not."""

import pytest

from valetkey.runtime.settings.redis_address import parse_address, with_passwords

GOOD = {
    "redis://cache": ("single", (("cache", 6379),), "redis://cache:6379/"),
    "redis://user:p%40w@cache:6380/2": ("single", (("cache", 6380),), "redis://user:p%40w@cache:6380/2"),
    "rediss://[::1]:6380?ssl_ca_certs=/ca.pem": (
        "single",
        (("::1", 6380),),
        "rediss://[::1]:6380/?ssl_ca_certs=/ca.pem",
    ),
    "unix:///run/redis.sock?db=1": ("single", (), "unix:///run/redis.sock?db=1"),
    "redis+sentinel://:pw@a,b:26380/main/1": ("sentinel", (("a", 26379), ("b", 26380)), "redis://:pw@a:26379/1"),
    "rediss+cluster://u:pw@a:7000,b": ("cluster", (("a", 7000), ("b", 6379)), "rediss://u:pw@a:7000/"),
}
BAD = {
    "http://cache": "must be a Redis URL",
    "cache:6379": "must be a Redis URL",
    "redis:/cache": "must be a Redis URL",
    "redis+sentinels://a/main": "must be a Redis URL",
    "redis://": "must name its hosts",
    "redis://cache:port": "must name its hosts",
    "redis://cache:0": "must name its hosts",
    "redis://cache:65536": "must name its hosts",
    "redis://:pa/ss@cache": "must name its hosts",
    "redis://:pa#ss@cache": "must have no fragment",
    "redis://a,b": "names several servers",
    "redis://cache/first": "must have a number",
    "redis://cache/0/1": "must have a number",
    "redis://cache?db=first": "must have a number",
    "redis://cache?retry=3": "has retry: remove it; there are db, password",
    "redis://cache?ssl_ca_certs=/ca.pem": "names TLS files without TLS",
    "rediss://cache?ssl_ca_certs=ca.pem": "absolute paths",
    "rediss://cache?ssl_cert_reqs=none": "has ssl_cert_reqs: remove it; with rediss:",
    "redis://cache?sentinel-password=pw": "no Sentinels",
    "unix://run/redis.sock": "must name a socket",
    "unix:///": "must name a socket",
    "redis+sentinel://a:26379": "must say which master",
    "redis+sentinel://a:26379/": "must say which master",
    "redis+sentinel://a,a/main": "names a host twice",
    "redis+sentinel://a,/main": "must name its hosts",
    "redis+cluster://a/1": "must not choose a database",
    "redis+cluster://a?db=1": "must not choose a database",
}


@pytest.mark.parametrize("url", GOOD)
def test_a_good_url_is_understood(url: str) -> None:
    address = parse_address(url)

    assert (address.topology, address.nodes, address.server_url) == GOOD[url]


@pytest.mark.parametrize("url", BAD)
def test_a_bad_url_is_refused_with_what_to_write_instead(url: str) -> None:
    with pytest.raises(ValueError, match=BAD[url]):
        parse_address(url)


@pytest.mark.parametrize(
    ("url", "complete"),
    [
        ("redis://cache", "redis://:p%40w@cache"),
        ("redis://user@cache/1", "redis://user:p%40w@cache/1"),
        ("redis://user:own@cache", "redis://user:own@cache"),
        ("unix:///run/redis.sock", "unix://:p%40w@/run/redis.sock"),
        ("redis+cluster://a,b", "redis+cluster://:p%40w@a,b"),
        ("redis+sentinel://a,b/main", "redis+sentinel://:p%40w@a,b/main"),
    ],
)
def test_a_password_goes_where_there_is_none(url: str, complete: str) -> None:
    assert with_passwords(url, "p@w", None) == complete


def test_the_password_of_sentinels_is_another_one() -> None:
    address = parse_address(with_passwords("redis+sentinel://a/main", "one", "t/w&o"))

    assert (address.server_url, address.sentinel_password) == ("redis://:one@a:26379/", "t/w&o")
