from hypothesis import settings

pytest_plugins = [
    "support.requirement_table",
    "support.stores",
    "support.postgres",
    "support.systems",
    "support.protocol",
    "support.chromium",
    "support.rotating_installation",
]

# How long an example takes says something about the machine, not about the rule.
settings.register_profile("valetkey", deadline=None, print_blob=True)
settings.load_profile("valetkey")
