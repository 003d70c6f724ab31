"""Shows the demo in a browser, where there is one that has a window."""

from __future__ import annotations

import webbrowser


def open_in_browser(url: str) -> None:
    """Open the page; nothing happens on a machine without a desktop."""
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return
    # Exactly this class is a browser of the terminal's, which would take the terminal from us.
    if type(browser) is not webbrowser.GenericBrowser:
        browser.open(url)
