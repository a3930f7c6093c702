"""Runs a dependency_injector container: builds its singletons, hands them out, closes them."""

from iacs.runtime.application import Application

__all__ = ["Application"]
