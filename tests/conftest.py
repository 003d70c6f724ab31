import gc
import os
import signal

from hypothesis import settings

pytest_plugins = [
    "support.requirement_table",
    "support.stores",
    "support.redis_topologies",
    "support.postgres",
    "support.email_world",
    "support.systems",
    "support.second_factor",
    "support.postbox",
    "support.passkey_party",
    "support.protocol",
    "support.chromium",
    "support.peer",
    "peers.last_run",
    "support.rotating_installation",
    "support.observed",
    "faults.table_plugin",
    "faults.site_plugin",
]

# How long an example takes says something about the machine, not about the rule.
# A change is judged by the same examples each time; on people's own machines they differ from run to run.
settings.register_profile("valetkey", deadline=None, print_blob=True, derandomize="CI" in os.environ)
settings.load_profile("valetkey")

# A shell that starts something in the background makes it deaf to Ctrl-C, and with it whatever that starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Take what collecting made, a million objects that stay, out of every later garbage collection."""
    gc.collect()
    gc.freeze()
