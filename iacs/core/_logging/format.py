"""The formats of a log line."""

from typing import Literal

LogFormat = Literal["auto", "console", "json"]
