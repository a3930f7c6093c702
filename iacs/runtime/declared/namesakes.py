"""Classes of the same name that are not the same class."""


def namesakes(one: type, other: type) -> bool:
    """Return whether two different classes have the same name."""
    return one is not other and one.__qualname__ == other.__qualname__


def difference(one: type, other: type) -> str:
    """Return what distinguishes a class from its namesake `other`, for a hint."""
    if one.__module__ == other.__module__:
        return f"another class of this name, from a reloaded module {one.__module__}: import the module once"
    return f"another class of this name, of {one.__module__}, and this one is of {other.__module__}"
