"""The files that pages refer to, held in memory and addressed by a hash of their content."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from valetkey.authorize.pages.theme import Theme, ThemeError, theme_css
from valetkey.core.routes import STATIC

_OWN_FILES = Path(__file__).parent / "static"
_MAX_BYTES = 512 * 1024
_CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
}
_LOGO_TYPES = frozenset({".svg", ".png", ".jpg", ".jpeg", ".gif", ".webp"})


@dataclass(frozen=True, slots=True)
class Asset:
    """One static file. ``etag`` is quoted as the header wants it; ``version`` is the ``v`` of its address."""

    body: bytes
    content_type: str
    etag: str
    version: str


class StaticAssets:
    """Every static file by name: ours, over them those of ``directory``, over them theme.css and the logo.

    ``base_path`` is the issuer's path without a trailing slash; addresses are ``<base_path>/static/<name>?v=<hash>``.
    Raises ``ThemeError`` for a logo or file that cannot be served.
    """

    def __init__(self, theme: Theme, *, base_path: str = "", directory: Path | None = None) -> None:
        """Read everything once; requests then touch no disk."""
        self._base_path = base_path
        self._assets = {name: _asset(name, body) for name, body in _own_files(theme.accent)}
        if directory is not None and directory.is_dir():
            self._assets |= {path.name: _asset(path.name, _read(path)) for path in _files(directory)}
        self._assets["theme.css"] = _asset("theme.css", theme_css(theme.accent).encode())
        self.logo = "logo.svg"
        if theme.logo is not None:
            if theme.logo.suffix.lower() not in _LOGO_TYPES:
                raise ThemeError(f"the logo {theme.logo} must be one of {', '.join(sorted(_LOGO_TYPES))}")
            self.logo = f"logo{theme.logo.suffix.lower()}"
            self._assets[self.logo] = _asset(self.logo, _read(theme.logo))

    def find(self, name: str) -> Asset | None:
        """The file of this name, exactly; None where there is none. ``name`` never becomes a path on disk."""
        return self._assets.get(name)

    def url(self, name: str) -> str:
        """The address of a file; it changes with the content, so it may be cached for good. ``KeyError`` if none."""
        return f"{self._base_path}{STATIC.path.format(name=name)}?v={self._assets[name].version}"


def _own_files(accent: str) -> Iterator[tuple[str, bytes]]:
    # An image cannot see the page's custom properties, so our own marks carry the theme within.
    colors = f"{theme_css(accent)}</style>".encode()
    for path in _files(_OWN_FILES):
        body = path.read_bytes()
        yield path.name, body.replace(b"</style>", colors) if path.suffix == ".svg" else body


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.iterdir() if path.is_file() and not path.name.startswith("."))


def _read(path: Path) -> bytes:
    try:
        body = path.read_bytes()
    except OSError as error:
        raise ThemeError(f"{path} cannot be read: {error.strerror}") from error
    if len(body) > _MAX_BYTES:
        raise ThemeError(f"{path} is larger than {_MAX_BYTES // 1024} KiB")
    return body


def _asset(name: str, body: bytes) -> Asset:
    content_type = _CONTENT_TYPES.get(Path(name).suffix.lower())
    if content_type is None:
        raise ThemeError(f"the static file {name} must be one of {', '.join(sorted(_CONTENT_TYPES))}")
    digest = sha256(body).hexdigest()
    return Asset(body=body, content_type=content_type, etag=f'"{digest[:32]}"', version=digest[:12])
