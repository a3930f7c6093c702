"""Consent to permissions, given by a person for themselves or by an administrator for a whole directory."""

from collections import defaultdict
from collections.abc import Iterable

_GRAPH = "https://graph.microsoft.com/"
_IMPLIED = {"openid", "profile", "email", "offline_access", ".default"}


def permissions(scopes: Iterable[str]) -> frozenset[str]:
    """Return the permissions of Graph that scopes name, in lower case and without the resource."""
    names = (scope.lower().removeprefix(_GRAPH) for scope in scopes)
    return frozenset(name for name in names if name not in _IMPLIED)


class Consents:
    """The consents given so far; until they are `required`, everybody has consented to everything."""

    def __init__(self) -> None:
        self.required = False
        self.administrator_only: frozenset[str] = frozenset()
        """Permissions to which a person cannot consent."""
        self.people: defaultdict[str, set[str]] = defaultdict(set)
        """By object id."""
        self.directories: defaultdict[str, set[str]] = defaultdict(set)
        """By tenant id."""

    def add(self, owner: str, scopes: Iterable[str]) -> None:
        """Add the consent of a person, by object id."""
        self.people[owner] |= permissions(scopes)

    def add_for_all(self, tenant_id: str, scopes: Iterable[str]) -> None:
        """Add the consent of an administrator, for everybody in the directory and the application itself."""
        self.directories[tenant_id] |= permissions(scopes)

    def missing(self, tenant_id: str, owner: str, scopes: Iterable[str]) -> frozenset[str]:
        """Return the permissions to which neither the person nor an administrator has consented."""
        if not self.required:
            return frozenset()
        return permissions(scopes) - self.people.get(owner, set()) - self.directories.get(tenant_id, set())

    def admits_application(self, tenant_id: str) -> bool:
        """Return whether an administrator allowed the application to use permissions of its own."""
        return not self.required or tenant_id in self.directories
