"""Whether what Redis keeps is sealed, as far as the settings here tell: the keys are those of authorize and token."""

from __future__ import annotations

from valetkey.administration.diagnosis.finding import Finding, doubtful, skipped, well
from valetkey.runtime.settings.settings import Settings
from valetkey.storage.sealing import NEXT_STEP, sealing_keys, weakness_of

SEALING_RUNBOOK = NEXT_STEP
_CHECK = "sealing"
_ROLL_IN = (
    "Make a key and roll it in, in three restarts, each of authorize and token: VALETKEY_SEALING_KEYS=plain,KEY, then "
    "KEY,plain, then KEY (deploy/runbooks/ValetkeyPlainValuesInRedis.md)."
)
_SEAL = 'Once every authorize and token has this list: move "plain" to its end, and restart them.'
_FINISH = (
    'Once every authorize and token has this list, and a login lifetime has passed: remove "plain", and restart them.'
)
_LOOK = "Nothing here: their metric valetkey_plain_values is 0 where values are sealed, and their logs warn where not."


def examine_sealing(settings: Settings) -> Finding:
    """Keys, and whether values without them are believed; skipped where these are not the settings of a service."""
    keys = sealing_keys(settings)
    if settings.sealing_keys.is_set:
        if not keys.reads_plain:
            return well(_CHECK, f"{len(keys.keys)} of them; values in Redis that are not sealed are refused")
        if not keys.keys:
            return doubtful(_CHECK, weakness_of(settings), _ROLL_IN)
        return doubtful(_CHECK, weakness_of(settings), _SEAL if keys.writes_plain else _FINISH)
    if settings.cookie_keys.is_set or settings.refresh_token_keys.is_set:
        return doubtful(_CHECK, weakness_of(settings), _ROLL_IN)
    return skipped(_CHECK, "VALETKEY_SEALING_KEYS is not set here; authorize and token have it", _LOOK)
