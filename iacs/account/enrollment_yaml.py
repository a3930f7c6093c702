"""YAML of enrolment files: every key once, and errors that name the line."""

from collections.abc import Hashable
from typing import Any

import yaml


class UnreadableYamlError(Exception):
    """A problem in a YAML text, with its line; never leaves the account module."""


class _Loader(yaml.SafeLoader):
    """A loader that rejects a repeated key, where PyYAML silently takes the last value."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (yaml.YAMLError, RecursionError):
            raise
        except Exception as error:  # whatever int(), date() and the library's own look-ups raise
            kind = node.tag.rpartition(":")[2]
            raise yaml.constructor.ConstructorError(
                None, None, f"a value is not a valid {kind}", node.start_mark
            ) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for index, key in enumerate(keys):
            if key in keys[:index]:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key} is repeated", node.value[index][0].start_mark
                )
        return super().construct_mapping(node, deep)


def read_yaml(data: bytes) -> Any:
    """Return the content of a YAML text in UTF-8; raise UnreadableYamlError."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableYamlError(f"is not UTF-8 text in line {line}") from None
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UnreadableYamlError(
            f"has a character in line {line} that YAML does not allow (U+{error.character:04X})"
        ) from None
    try:
        return loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        where = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UnreadableYamlError(f"is not YAML{where} ({error.problem})") from None
    except RecursionError:
        raise UnreadableYamlError(f"is nested too deeply in line {loader.get_mark().line + 1}") from None
    finally:
        loader.dispose()
