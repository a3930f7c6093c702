"""The README as a package index shows it; everything else is in pyproject.toml.

Its links are relative, so that they work in a checkout and on the repository's page. On an index they would lead
nowhere: they point to the repository's address once [project.urls] gives one as Source, and are plain text until then.
"""

import re
import tomllib
from pathlib import Path

from setuptools import setup  # type: ignore[import-untyped]

ROOT = Path(__file__).parent
RELATIVE_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?![a-z]+:|#)([^)]+)\)")


def readme_for_an_index(text: str, source: str) -> str:
    """Return the README with absolute links, or without links when the repository has no address."""
    return RELATIVE_LINK.sub(rf"[\1]({source}/blob/main/\2)" if source else r"\1", text)


if __name__ == "__main__":  # a test imports this file
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"].get("urls", {})
    setup(
        long_description=readme_for_an_index(
            (ROOT / "README.md").read_text(encoding="utf-8"), urls.get("Source", "").rstrip("/")
        ),
        long_description_content_type="text/markdown",
    )
