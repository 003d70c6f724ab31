"""``valetkey kubernetes``: what an installation in a cluster needs before anything else."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from valetkey.cli.failure import Misconfigured
from valetkey.cli.installation import translated
from valetkey.cli.kubernetes.secret_manifest import secret_manifest
from valetkey.cli.kubernetes.secret_values import Extra, later_additions, new_values
from valetkey.cli.kubernetes.service_account import SERVICE_ACCOUNT, ServiceAccount
from valetkey.cli.operator_audit import configure_operator_audit, record
from valetkey.cli.option import example, output_option, wait_option
from valetkey.cli.output import Output, say, write_verbatim
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.runtime.lifecycle.retry_policy import RetryPolicy
from valetkey.runtime.settings.environment import kubernetes_api

if TYPE_CHECKING:
    from valetkey.cli.kubernetes.create_secret import Created

_LONGEST = {"subdomain": 253, "label": 63}
_PATTERNS = {
    "subdomain": re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"),
    "label": re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"),
}


class _Name(click.ParamType[str]):
    """A name as Kubernetes has them. RFC 1123 §2.1."""

    def __init__(self, kind: str) -> None:
        self.name = self._kind = kind

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """See ``click.ParamType``."""
        text = str(value)
        if len(text) > _LONGEST[self._kind] or not _PATTERNS[self._kind].fullmatch(text):
            self.fail("must be lower-case letters, digits and hyphens, as Kubernetes names things", param, ctx)
        return text


@click.group("kubernetes", epilog=example("valetkey kubernetes create-secret valetkey-secrets --print"))
def command() -> None:
    """Prepare a namespace of a cluster."""


@command.command(
    "create-secret",
    epilog=example(
        "valetkey kubernetes create-secret valetkey-secrets",
        "valetkey kubernetes create-secret valetkey-secrets --print | kubectl create -f -",
    ),
)
@click.argument("name", type=_Name("subdomain"))
@click.option(
    "--namespace", type=_Name("label"), metavar="NAME", help="Namespace of the Secret; the pod's own unless given."
)
@click.option(
    "--with",
    "extras",
    multiple=True,
    type=click.Choice([extra.value for extra in Extra]),
    help="Add the passwords of a store, or of the demo's user, that are set up from the same Secret; may be repeated.",
)
@click.option(
    "--print", "is_printed", is_flag=True, help="Print a manifest, secrets and all, instead of asking the API server."
)
@click.option(
    "--service-account",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=SERVICE_ACCOUNT,
    show_default=True,
    help="Directory with the token, ca.crt and namespace of the pod.",
)
@wait_option("the API server", default="60")
@output_option
def create_secret(
    *,
    name: str,
    namespace: str | None,
    extras: tuple[str, ...],
    is_printed: bool,
    directory: Path,
    wait: timedelta,
    output: Output,
) -> None:
    """Create the Secret with random keys, unless it exists. What exists is never changed.

    It holds refresh-token-keys, cookie-keys, sealing-keys, credential-keys and key-encryption-keys, and with --with the
    passwords of database roles and of Redis. Runs in a pod, as its service account; elsewhere there is --print. A
    Secret that exists must have every key, or the command fails and names those that are missing. One of a release
    that knew no sealing-keys or credential-keys gets them; sealing-keys to be read and not yet to seal with.
    """
    values = new_values([Extra(extra) for extra in extras], system_clock())
    if is_printed:
        import yaml

        write_verbatim(yaml.safe_dump(secret_manifest(name, namespace, values), sort_keys=False))
        return
    configure_operator_audit()
    account = ServiceAccount(directory)
    url = kubernetes_api()
    if not url:
        raise Misconfigured(
            "KUBERNETES_SERVICE_HOST is not set, so this is not a pod: use --print and apply the manifest yourself."
        )
    where = namespace or account.namespace

    async def create() -> Created:
        from valetkey.cli.kubernetes.api_server import ApiServer
        from valetkey.cli.kubernetes.create_secret import create_if_absent

        async with ApiServer(url, account) as api:
            additions = later_additions(values)
            return await RetryPolicy(wait).wait_for(lambda: create_if_absent(api, where, name, values, additions))

    with translated():
        done = asyncio.run(create())
    if done.created:
        record("kubernetes_secret.created", reason=f"{where}/{name}")
    if done.added:
        record("kubernetes_secret.completed", reason=f"{where}/{name} got {', '.join(done.added)}")
    output.one({"namespace": where, "name": name, "created": done.created, "added": done.added, "keys": sorted(values)})
    say(f"The Secret {where}/{name} {_what_was_done(done)}.")


def _what_was_done(done: Created) -> str:
    if done.created:
        return "is created"
    if not done.added:
        return "is there already, and complete"
    from valetkey.administration.diagnosis.sealing import SEALING_RUNBOOK

    added = ", ".join(done.added)
    return f"was there already, and lacked {added}: added, and not yet used to seal. Next: {SEALING_RUNBOOK}"
