"""Documents in SQLite, which compresses nothing: with Zstandard they are a third to a fifth as long.

PostgreSQL compresses long values itself, and has the text. A short document is stored as text in both. The library is
imported with the first compressed document.
"""

from collections.abc import Callable

from iacs.core.exceptions import DatabaseError

LEVEL = 1
SHORTEST = 256
"""The length of the shortest document that is compressed, in characters."""


def compressor(dialect: str) -> Callable[[str], str | bytes]:
    """Return a function that returns the value to store for a document, for one thread."""
    if dialect != "sqlite":
        return str
    from zstandard import ZstdCompressor

    compress = ZstdCompressor(level=LEVEL).compress
    return lambda text: text if len(text) < SHORTEST else compress(text.encode())


def decompressor(dialect: str) -> Callable[[str | bytes], str]:
    """Return a function that returns the document of a stored value, for one thread; it raises DatabaseError."""
    if dialect != "sqlite":
        return str
    from zstandard import ZstdDecompressor, ZstdError

    decompress = ZstdDecompressor().decompress

    def text(value: str | bytes) -> str:
        if isinstance(value, str):
            return value
        try:
            return decompress(value).decode()
        except (ZstdError, ValueError) as error:
            raise DatabaseError(
                f"a stored document cannot be decompressed: {error}",
                hint="restore the database from a backup",
            ) from error

    return text
