"""The forms of all settings, and the rules between them, as JSON: ``python -m valetkey.runtime.settings.forms``."""

from __future__ import annotations

import json
import sys
from dataclasses import fields

from valetkey.runtime.settings.checks import described_rules
from valetkey.runtime.settings.reader import show, table
from valetkey.runtime.settings.settings import Settings


def forms_of_settings() -> dict[str, dict[str, object]]:
    """By name: the default as text, and the forms. Settings that only their service can judge are left out."""
    defaults = {field.name: show(field.default) for field in fields(Settings)}
    return {
        name: {
            "default": "" if defaults[name] is None else str(defaults[name]),
            "forms": [form.described() for form in row.parser.forms],
        }
        for name, row in table(Settings).items()
        if row.parser.forms
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps({"settings": forms_of_settings(), "rules": described_rules()}, indent=1) + "\n")
