"""Which tools are proven to work, in which version, with which settings of their client, and by which test."""

# Versions of Spring Boot, and the settings of its client. That of 3 uses PKCE for public clients alone.
SPRING_BOOT: dict[str, tuple[str, ...]] = {"4.0.7": (), "3.5.7": ("--pkce", "optional")}
