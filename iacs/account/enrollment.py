"""Enrolment files: one YAML file per account, with every problem of every file reported at once."""

from pathlib import Path

from pydantic import ValidationError

from iacs.account.enrollment_yaml import UnreadableYamlError, read_yaml
from iacs.account.schema import Enrollment, problems
from iacs.core.exceptions import AccountError


def read_enrollments(directory: Path) -> tuple[Enrollment, ...]:
    """Read every `.yaml` and `.yml` file of a directory, in the order of their names.

    Raises one AccountError that lists every problem with its file and key or line.
    """
    findings: list[str] = []
    files: dict[str, str] = {}
    enrollments: list[Enrollment] = []
    for path in _files(directory):
        enrollment, problems_of_file = _read(path)
        findings += [f"{path.name}: {problem}" for problem in problems_of_file]
        if enrollment is None:
            continue
        first = files.setdefault(enrollment.account, path.name)
        if first != path.name:
            findings.append(f"{path.name}: account {enrollment.account} is also in {first}")
        enrollments.append(enrollment)
    if findings:
        raise AccountError(
            f"enrolment files in {directory} are malformed, and nothing was changed: {'; '.join(findings)}",
            hint="correct them, then sync again",
        )
    return tuple(enrollments)


def _files(directory: Path) -> list[Path]:
    hint = f"write {directory / 'alice.yaml'} with the line: account: alice@contoso.example"
    try:
        files = sorted(path for path in directory.iterdir() if path.suffix in (".yaml", ".yml"))
    except NotADirectoryError as error:
        raise AccountError(
            f"{directory} is a file, and not a folder of enrolment files",
            hint=f"name its folder: {directory.parent}",
        ) from error
    except OSError as error:
        raise AccountError(f"{directory} cannot be read ({error.strerror})", hint=hint) from error
    if not files:
        raise AccountError(f"{directory} has no enrolment files", hint=hint)
    return files


def _read(path: Path) -> tuple[Enrollment | None, list[str]]:
    try:
        content = read_yaml(path.read_bytes())
    except UnreadableYamlError as error:
        return None, [str(error)]
    except OSError as error:
        return None, [f"cannot be read ({error.strerror})"]
    if not isinstance(content, dict):
        return None, ["has no keys, such as account: alice@contoso.example"]
    try:
        return Enrollment.model_validate(content), []
    except ValidationError as error:
        return None, problems(error)
