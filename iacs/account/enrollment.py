"""Enrolment files: one YAML per account, every problem of every file found at once."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from iacs.account.schema import Enrollment
from iacs.core.exceptions import AccountError

_SAYINGS = {
    "missing": "is missing",
    "extra_forbidden": "is not a key of an enrolment",
    "invalid_key": "is not a key of an enrolment",
    "string_type": "must be text",
}


def read_enrollments(directory: Path) -> tuple[Enrollment, ...]:
    """Read every `.yaml` and `.yml` file of a directory, in the order of their names.

    Raises one AccountError that lists every problem with its file and key.
    """
    problems: list[str] = []
    found: dict[str, str] = {}
    enrollments: list[Enrollment] = []
    for path in _files(directory):
        enrollment, own = _read(path)
        problems += own
        if enrollment is None:
            continue
        if enrollment.account in found:
            problems.append(
                f"{path.name}: account: {enrollment.account} is in {found[enrollment.account]} too"
            )
        found.setdefault(enrollment.account, path.name)
        enrollments.append(enrollment)
    if problems:
        raise AccountError(f"Enrolment in {directory} must be mended: {'; '.join(problems)}")
    return tuple(enrollments)


def _files(directory: Path) -> list[Path]:
    try:
        files = sorted(path for path in directory.iterdir() if path.suffix in (".yaml", ".yml"))
    except OSError as error:
        raise AccountError(f"{directory} cannot be read ({error.strerror}). {_how_to(directory)}") from error
    if not files:
        raise AccountError(f"{directory} holds no enrolment. {_how_to(directory)}")
    return files


def _how_to(directory: Path) -> str:
    return f"Write {directory / 'alice.yaml'} with the line: account: alice@contoso.example"


def _read(path: Path) -> tuple[Enrollment | None, list[str]]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        return None, [f"{path.name}: is not YAML{line} ({error.problem})"]
    except (yaml.YAMLError, UnicodeDecodeError):
        return None, [f"{path.name}: is not text in UTF-8"]
    except OSError as error:
        return None, [f"{path.name}: cannot be read ({error.strerror})"]
    if not isinstance(content, dict):
        return None, [f"{path.name}: must hold keys, such as account: alice@contoso.example"]
    try:
        return Enrollment.model_validate(content), []
    except ValidationError as error:
        return None, [
            _problem(path.name, problem["type"], problem["loc"], problem["msg"]) for problem in error.errors()
        ]


def _problem(file: str, kind: str, key: tuple[int | str, ...], message: str) -> str:
    return f"{file}: {'.'.join(map(str, key))}: {_SAYINGS.get(kind, message.removeprefix('Value error, '))}"


class _Loader(yaml.SafeLoader):
    """Refuse a key given twice, of which YAML's own loader silently takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for index, key in enumerate(keys):
            if key in keys[:index]:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key} is given twice", node.value[index][0].start_mark
                )
        return super().construct_mapping(node, deep)
