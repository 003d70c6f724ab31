"""Creates a Secret unless there is one. What exists is never changed: keys that seal data cannot be made again."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from valetkey.cli.failure import Conflict, Failure, NotFound
from valetkey.cli.kubernetes.api_server import Answer, ApiServer
from valetkey.cli.kubernetes.secret_manifest import secret_manifest


async def create_if_absent(api: ApiServer, namespace: str, name: str, values: Mapping[str, str]) -> bool:
    """Whether it was created; False where it was there with every one of these keys.

    Safe to attempt again. Raises ``Conflict`` where the one that is there lacks keys, ``Failure`` where the API server
    refuses, ``TemporarilyUnavailable`` where another attempt may succeed.
    """
    path = f"/api/v1/namespaces/{namespace}/secrets"
    answer = await api.request("POST", path, secret_manifest(name, namespace, values))
    if answer.status == HTTPStatus.CREATED:
        return True
    if answer.status != HTTPStatus.CONFLICT or answer.reason != "AlreadyExists":
        raise _refusal(answer, namespace, '{apiGroups: [""], resources: [secrets], verbs: [create]}')
    found = await api.request("GET", f"{path}/{name}")
    if found.status != HTTPStatus.OK:
        rule = f'{{apiGroups: [""], resources: [secrets], resourceNames: [{name}], verbs: [get]}}'
        raise _refusal(found, namespace, rule)
    data = found.body.get("data")
    present = set(data) if isinstance(data, dict) else set()
    if missing := sorted(set(values) - present):
        raise Conflict(
            f"The Secret {namespace}/{name} exists and lacks {', '.join(missing)}. It was not changed: add what is "
            "missing (`valetkey kubernetes create-secret --print` shows what such values look like), or name another."
        )
    return False


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
