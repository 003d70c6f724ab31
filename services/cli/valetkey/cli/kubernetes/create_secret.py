"""Creates a Secret unless there is one. What is in one is never changed: keys that seal data cannot be made again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from valetkey.cli.failure import Conflict, Failure, NotFound
from valetkey.cli.kubernetes.api_server import Answer, ApiServer
from valetkey.cli.kubernetes.secret_manifest import secret_manifest
from valetkey.core.oauth.errors import TemporarilyUnavailable


@dataclass(frozen=True, slots=True)
class Created:
    """Whether the Secret was created, and what was ``added`` to one that was there."""

    created: bool
    added: tuple[str, ...] = ()


async def create_if_absent(
    api: ApiServer, namespace: str, name: str, values: Mapping[str, str], additions: Mapping[str, str]
) -> Created:
    """Create it with these values; one that is there gets those of ``additions`` that it lacks, and keeps all it has.

    Safe to attempt again. Raises ``Conflict`` where the one that is there lacks other keys, ``Failure`` where the API
    server refuses, ``TemporarilyUnavailable`` where another attempt may succeed.
    """
    path = f"/api/v1/namespaces/{namespace}/secrets"
    answer = await api.request("POST", path, secret_manifest(name, namespace, values))
    if answer.status == HTTPStatus.CREATED:
        return Created(created=True)
    if answer.status != HTTPStatus.CONFLICT or answer.reason != "AlreadyExists":
        raise _refusal(answer, namespace, '{apiGroups: [""], resources: [secrets], verbs: [create]}')
    found = await api.request("GET", f"{path}/{name}")
    if found.status != HTTPStatus.OK:
        raise _refusal(found, namespace, _rule(name, "get"))
    data = found.body.get("data")
    missing = set(values) - (set(data) if isinstance(data, dict) else set())
    if others := sorted(missing - set(additions)):
        raise Conflict(
            f"The Secret {namespace}/{name} exists and lacks {', '.join(others)}. It was not changed: add what is "
            "missing (`valetkey kubernetes create-secret --print` shows what such values look like), or name another."
        )
    if missing:
        await _add(api, namespace, name, found, {key: additions[key] for key in sorted(missing)})
    return Created(created=False, added=tuple(sorted(missing)))


async def _add(api: ApiServer, namespace: str, name: str, found: Answer, values: Mapping[str, str]) -> None:
    metadata = found.body.get("metadata")
    # With the version that was looked at, so that nothing is written over what came there meanwhile.
    version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
    patch = {"metadata": {"resourceVersion": version}, "stringData": dict(values)}
    answer = await api.request("PATCH", f"/api/v1/namespaces/{namespace}/secrets/{name}", patch)
    if answer.status == HTTPStatus.CONFLICT:
        raise TemporarilyUnavailable(f"the Secret {namespace}/{name} was changed by another")
    if answer.status != HTTPStatus.OK:
        raise _refusal(answer, namespace, _rule(name, "patch"))


def _rule(name: str, verb: str) -> str:
    return f'{{apiGroups: [""], resources: [secrets], resourceNames: [{name}], verbs: [{verb}]}}'


def _refusal(answer: Answer, namespace: str, rule: str) -> Failure:
    if answer.status == HTTPStatus.FORBIDDEN and "cannot" in answer.message:
        return Failure(
            f"The service account of this pod may not do this ({answer.message}). A Role in {namespace}, bound to it, "
            f"needs the rule {rule}."
        )
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return Failure(f"The API server does not accept the token of this pod's service account ({answer.message}).")
    if answer.status == HTTPStatus.NOT_FOUND:
        return NotFound(f"The API server finds nothing there: {answer.message}.")
    return Failure(f"The API server refuses: {answer.message}")
