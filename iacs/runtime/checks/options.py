"""Checks of a Configuration's options before anything is loaded."""

import typing
from collections.abc import Mapping
from typing import Any

from dependency_injector import providers

from iacs.runtime.checks.members import lacks_field
from iacs.runtime.declared import class_of
from iacs.runtime.declared.annotations import UNKNOWN
from iacs.runtime.declared.attributes import attribute

_LINKS = 100


def option_annotation(option: Any) -> Any:
    """Return the annotation of an option on the only settings model that its configuration reads."""
    root, segments = option._get_root(), option.get_name_segments()
    models = _models(root)
    if len(models) != 1 or _has_more(root) or not all(isinstance(segment, str) for segment in segments):
        return UNKNOWN
    annotation: Any = models[0]
    for name in segments:
        cls = class_of(annotation)
        annotation = UNKNOWN if cls is None else attribute(cls, name)
    return UNKNOWN if _is_dumped(annotation) else annotation


def _is_dumped(annotation: Any) -> bool:
    """Return whether loading may leave another type: a model becomes a dict, and so do those in a list."""
    cls = class_of(annotation)
    return cls is None or hasattr(cls, "model_fields") or bool(typing.get_args(annotation))


def missing_option(option: Any) -> str:
    """Return the models or data that lack an option; empty when the option may exist."""
    root, segments = option._get_root(), option.get_name_segments()
    if not all(isinstance(segment, str) for segment in segments):
        return ""
    models = _models(root)
    if models and not _has_more(root):
        unknown = all(_model_lacks(model, segments) for model in models)
        return " and ".join(model.__qualname__ for model in models) if unknown else ""
    must_be_there = option.is_required() or root.get_strict()
    return "what is loaded" if must_be_there and _is_absent(root, segments) else ""


def _models(root: Any) -> list[type]:
    settings = root.get_pydantic_settings()
    models = [source if isinstance(source, type) else type(source) for source in settings]
    return models if all(hasattr(model, "model_fields") for model in models) else []


def _has_more(root: Any) -> bool:
    """Return whether options may come from elsewhere than the settings models."""
    files = (*root.get_ini_files(), *root.get_yaml_files(), *root.get_json_files())
    return bool(files) or bool(root.get_default()) or root.last_overriding is not None


def _model_lacks(model: type, segments: tuple[str, ...]) -> bool:
    annotation: Any = model
    for name in segments:
        cls = class_of(annotation)
        if cls is None or not hasattr(cls, "model_fields"):
            return False
        if lacks_field(cls, name):
            return True
        annotation = attribute(cls, name)
    return False


def _is_absent(root: Any, segments: tuple[str, ...]) -> bool:
    """Return whether something is loaded and lacks an option; nothing may be loaded before the start."""
    data, path = _loaded(root)
    if not data or not all(isinstance(name, str) for name in path):
        return False
    for name in (*path, *segments):
        if not isinstance(data, Mapping):
            return False
        if name not in data:
            return True
        data = data[name]
    return False


def _loaded(root: Any) -> tuple[Any, list[Any]]:
    """Return what a configuration reads, another one's options perhaps, and the path inside it."""
    path: list[Any] = []
    for _ in range(_LINKS):
        last = root.last_overriding
        if isinstance(last, providers.ConfigurationOption):
            path = [*last.get_name_segments(), *path]
            root = last._get_root()
        elif isinstance(last, providers.Configuration):
            root = last
        else:
            data = root.provides if last is None else last
            return data.provides if type(data) is providers.Object else data, path
    return {}, path
