"""What a browser calls itself, in few words of ours."""

import pytest

from valetkey.authorize.login.browser_origin import device_name

CHROME = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 {}Safari/537.36{}"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0", "Firefox on Linux"),
        (CHROME.format("Windows NT 10.0; Win64; x64", "", ""), "Chrome on Windows"),
        (CHROME.format("Windows NT 10.0; Win64; x64", "", " Edg/131.0.0.0"), "Edge on Windows"),
        (CHROME.format("X11; Linux x86_64", "", " OPR/115.0.0.0"), "Opera on Linux"),
        (CHROME.format("Linux; Android 10; K", "Mobile ", ""), "Chrome on Android"),
        (CHROME.format("Linux; Android 14; SM-S921B", "SamsungBrowser/26.0 ", ""), "Samsung Internet on Android"),
        (CHROME.format("X11; CrOS x86_64 14541.0.0", "", ""), "Chrome on ChromeOS"),
        (
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
                "Version/18.1 Mobile/15E148 Safari/604.1"
            ),
            "Safari on iPhone",
        ),
        (
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
                "Version/18.1 Safari/605.1.15"
            ),
            "Safari on macOS",
        ),
        ("curl/8.5.0", "curl"),
        ("Python/3.11 aiohttp/3.11.0", "Python"),
        ("", ""),
        ("<script>alert(1)</script>", ""),
        ("x" * 10_000, "x" * 40),
        ("\u202ereversed", ""),
    ],
)
def test_a_browser_is_told_in_few_words(agent: str, name: str) -> None:
    assert device_name(agent) == name
