"""How the issuer's Cache-Control is honoured, within bounds."""

import pytest

from valetkey.resource_server import CachePolicy

SECONDS: dict[str, tuple[dict[str, str], int]] = {
    "nothing said": ({}, 300),
    "max-age": ({"Cache-Control": "max-age=120"}, 120),
    "max-age among others": ({"Cache-Control": "public, max-age=120, must-revalidate"}, 120),
    "max-age in capitals": ({"Cache-Control": "Max-Age=120"}, 120),
    "max-age quoted": ({"Cache-Control": 'max-age="120"'}, 120),
    "max-age for shared caches only": ({"Cache-Control": "s-maxage=120"}, 300),
    "another directive that ends alike": ({"Cache-Control": "x-max-age=120"}, 300),
    "max-age not a number": ({"Cache-Control": "max-age=soon"}, 300),
    "max-age minus age": ({"Cache-Control": "max-age=120", "Age": "50"}, 70),
    "age beyond max-age": ({"Cache-Control": "max-age=120", "Age": "500"}, 10),
    "age not a number": ({"Cache-Control": "max-age=120", "Age": "-5"}, 120),
    "max-age zero": ({"Cache-Control": "max-age=0"}, 10),
    "no-store": ({"Cache-Control": "no-store, max-age=120"}, 10),
    "no-cache": ({"Cache-Control": "no-cache"}, 10),
    "max-age of a year": ({"Cache-Control": "max-age=31536000"}, 86400),
}


@pytest.mark.requirement("RFC 9111 §5.2.2.1: max-age")
@pytest.mark.parametrize("name", SECONDS)
def test_an_answer_stays_fresh_as_long_as_it_says_within_bounds(name: str) -> None:
    headers, seconds = SECONDS[name]

    assert CachePolicy().max_age(headers).total_seconds() == seconds
