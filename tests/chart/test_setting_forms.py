"""Thousands of texts, judged by the chart and by the services: both say the same of each."""

import base64
import json
import random
from collections.abc import Collection, Iterator

import pytest

from support.chart import named, objects
from support.chart_documentation import checked_settings
from support.chart_values import EXTERNAL, merged
from valetkey.runtime.settings.reader import table
from valetkey.runtime.settings.settings import Settings

# Has the chart judge texts by the forms of their settings.
JUDGE = """
apiVersion: v1
kind: ConfigMap
metadata: {name: verdicts}
data:
  verdicts: |
    {{- $known := .Files.Get "files/settings.json" | fromJson }}
    {{- range "CASES" | b64dec | fromJsonArray }}
    {{- $text := index . 1 | b64dec }}
    {{- $forms := (get $known.settings (index . 0)).forms }}
    {{ include "valetkey.formProblem" (dict "forms" $forms "text" $text) | quote }}
    {{- end }}
"""
ANYTHING = [
    *("0", "1", "-1", "+1", "00", "01", "010", "-0", "1.0", "0.5", "1.5", ".5", "1e3", "1e-05", "9E-3", "1e-3x", "nan"),
    *("0x10", "1_000", "999999999999999999", "9999999999999999999", "٦٠٠", "0.0000000000000000001"),
    *("60", "90", "90s", "60000ms", "61500ms", "1ms", "15m", "12h", "14d", "400d", "401d", "1w", "90 s", "1m30s", "s"),
    *("true", "false", "True", "yes", "none", "auto", "ES256", "RS256,ES256", "ES256, ES256", "ES256,", ",", "HS256"),
    *("a", "a b", "a\nb", "a.b_c-d", "-a", "é", "x" * 60, "x" * 61, "x" * 63, "x" * 64, "a\u200bb", "a\u00a0b", "a\tb"),
    *("info", "INFO", "refuse", "resource", "transaction", "#aabbcc", "#AABBCC", "#abc", "red", "/etc", "{{ . }}"),
]
ISSUERS = [
    f"{scheme}{host}{port}{path}"
    for scheme in ("https://", "http://", "HTTPS://", "ftp://", "https:", "")
    for host in (
        *("id.example.com", "ID.example.com", "a@id.example.com", "localhost", "localhost.example", "127.0.0.1", "a_b"),
        *("127.0.0.1.example", "127.300.0.1", "[::1]", "[0:0:0:0:0:0:0:1]", "[::2]", "[::1", "-a.example", "a.", ""),
    )
    for port in ("", ":443", ":80", ":8443", ":0", ":0443", ":65535", ":65536", ":99999", ":", ":x")
    for path in ("", "/", "/a", "/a/b", "/a/", "/a//b", "/.", "/..", "/...", "/.a", "/..a", "/a/../b", "/%41", "?a")
]  # fmt: skip
URLS = [
    *(
        "http://collector:4318/v1/traces",
        "https://collector",
        "HTTP://collector/",
        "http://[::1]:4318",
        "http://",
        "//a",
    ),
    *(
        "collector:4317",
        "grpc://collector",
        "http://user@collector",
        "http://collector:70000",
        "http://a b",
        "http://a:b",
    ),
    *(
        "http://collector?a=b",
        "http://collector#a",
        "http://a@b:1/",
        "http://collector/a@b",
        "http://[::1",
        "http://a]b",
    ),
]


def networks() -> Iterator[str]:
    chance = random.Random(20)
    addresses = [
        "10.0.0.0",
        "10.1.2.3",
        "192.168.7.128",
        "0.0.0.0",  # noqa: S104 - a network
        "255.255.255.255",
        "10.0.0",
        "10.0.0.256",
        "010.0.0.0",
    ]
    addresses += ["::", "::1", "fd00::", "fd00::1", "FD00:AB::", "2001:db8::8000", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::"]
    addresses += [
        "1:2:3:4:5:6:7:8::",
        "::ffff:10.0.0.0",
        "::10.0.0.256",
        "1::2::3",
        ":::",
        ":",
        "12345::",
        "g::",
        "fe80::%eth0",
    ]
    addresses += [
        ".".join(str(chance.randrange(256) & chance.choice((0, 255, 240, 128))) for _ in range(4)) for _ in range(12)
    ]
    addresses += [
        ":".join(f"{chance.choice((0, 0, chance.randrange(65536))):x}" for _ in range(8)).replace("0:0:0", ":", 1)
        for _ in range(12)
    ]
    yield from (
        "the proxy",
        "10.0.0.0/8,fd00::/8",
        " 10.0.0.0/8 , ",
        "10.0.0.0/8;fd00::/8",
        "10.0.0.0/8,10.0.0.1/8",
        "/8",
        ",",
    )
    for address in addresses:
        yield address
        lengths = {"0", "1", "8", "08", "008", "31", "32", "33", "64", "127", "128", "129", "-1", "", " 8", "x", "8/8"}
        lengths |= {str(chance.randrange(129)) for _ in range(4)}
        lengths |= {"255.0.0.0", "0.0.0.255", "255.255.255.128", "255.0.255.0", "0.255.255.255", "::", "0.0.0.1"}
        yield from (f"{address}/{length}" for length in sorted(lengths))


def redis_urls() -> Iterator[str]:
    chance = random.Random(21)
    schemes = [
        "redis",
        "rediss",
        "redis+sentinel",
        "rediss+sentinel",
        "redis+cluster",
        "rediss+cluster",
        "unix",
        "http",
        "redis+x",
    ]
    users = ["", "", "user@", ":@", "a@b@", "us/er@"]
    hosts = [
        "cache",
        "cache:6379",
        "a,b",
        "a,a",
        "a:26379,a",
        "a:6379,a",
        "a:7000,a:7000",
        "[::1]:6380",
        "::1",
        "cache:port",
    ]
    hosts += ["cache:0", "cache:65535", "cache:65536", "", "a,", "a_b", "-a"]
    paths = [
        "",
        "/",
        "/0",
        "/1",
        "/15",
        "/first",
        "/0/1",
        "/main",
        "/main/",
        "/main/2",
        "/main/x",
        "//0",
        "/run/redis.sock",
    ]
    parts = [
        "db=0",
        "db=1",
        "db=first",
        "db=",
        "db",
        "username=u",
        "retry=3",
        "ssl_ca_certs=/ca.pem",
        "ssl_ca_certs=ca.pem",
    ]
    parts += [
        "ssl_ca_certs=%2Fca.pem",
        "ssl_keyfile=/k",
        "ssl_cert_reqs=none",
        "sentinel-password=x",
        "socket_timeout=1",
        "Pass=1",
    ]
    parts += ["", "x=1", "p4ss=1", "=1", "max_connections=1", "protocol=3", "dbs=1", "a" * 50 + "=1"]
    for _ in range(500):
        query = "&".join(chance.choice(parts) for _ in range(chance.choice((0, 0, 1, 1, 2, 3))))
        end = chance.choice(("", "", "", "", "#", "#a"))
        pieces = (chance.choice(schemes), chance.choice(users), chance.choice(hosts), chance.choice(paths))
        yield "{}://{}{}{}".format(*pieces) + (f"?{query}" if query else "") + end


def cases(settings: Collection[str]) -> list[tuple[str, str]]:
    """Settings, and texts that people or chance might give them."""
    special = {
        "issuer": random.Random(22).sample(ISSUERS, 400),
        "trusted_proxies": list(networks()),
        "redis_url": list(redis_urls()),
        "otlp_endpoint": URLS,
        "metrics_otlp_endpoint": URLS,
    }
    found = []
    for name in settings:
        setting = checked_settings()["settings"][name]
        texts = [*ANYTHING, *special.get(name, ())]
        for form in setting["forms"]:
            if form["kind"] == "amount":
                low, high = int(form["low"]), int(form["high"])
                thousand = form["units"].get("", 1)
                texts += [str(edge // thousand + step) for edge in (low, high) for step in (-1, 0, 1)]
            texts += [text for each in form.get("names", ()) for text in (each, f"{each},{each}")]
        found += [(name, text) for text in texts if text == text.strip() and text]
    return found


def said_by_services(name: str, text: str) -> str:
    try:
        table(Settings)[name].parser.parse(text)
    except ValueError as error:
        return str(error)
    return ""


SETTINGS = sorted(checked_settings()["settings"])
LONG = ["issuer", "redis_url", "trusted_proxies"]


@pytest.mark.parametrize("settings", [*([name] for name in LONG), sorted({*SETTINGS}.difference(LONG))])
def test_the_chart_says_of_every_text_what_the_services_say(settings: list[str]) -> None:
    chosen = cases(settings)
    encoded = [[name, base64.b64encode(text.encode()).decode()] for name, text in chosen]
    judge = JUDGE.replace("CASES", base64.b64encode(json.dumps(encoded).encode()).decode())

    found = objects(merged(EXTERNAL, {"extraObjects": [judge]}))

    by_chart = [
        json.loads(line) for line in named(found, "ConfigMap", "verdicts")["data"]["verdicts"].splitlines() if line
    ]
    by_services = [said_by_services(name, text) for name, text in chosen]
    different = [
        (name, text, chart, services)
        for (name, text), chart, services in zip(chosen, by_chart, by_services, strict=True)
        if chart != services
    ]
    assert not different
    assert {bool(problem) for problem in by_services} == {True, False}
    judged = {name for (name, _), problem in zip(chosen, by_services, strict=True) if problem}
    assert judged == set(settings)
