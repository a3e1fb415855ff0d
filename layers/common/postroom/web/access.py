"""Which scope a route asks for: one to look (GET), one to do anything else.

Where a method does not tell which of the two it is, each route asks for its scope itself.
"""

from dataclasses import dataclass

from postroom.domain.principal import Principal, Scope, require


@dataclass(frozen=True, slots=True)
class Subject:
    """What the routes of a function are about; a `Permit` of the resolver."""

    read: Scope
    write: Scope
    asking: str = ""
    """The method whose routes ask for their scopes themselves."""

    def scope_for(self, method: str) -> Scope | None:
        """Return what all routes of a method ask for; None: each asks itself."""
        if method == self.asking:
            return None
        return self.read if method in {"GET", "HEAD"} else self.write

    def __call__(self, principal: Principal, method: str) -> None:
        """Raise Forbidden unless the principal may do this here, as far as the method tells."""
        scope = self.scope_for(method)
        if scope is not None:
            require(principal, scope)


SETTINGS = Subject(Scope.ADMINISTRATION, Scope.ADMINISTRATION)
GRANTS = Subject(Scope.GRANTS_READ, Scope.GRANTS_WRITE)
MAIL = Subject(Scope.MAIL_READ, Scope.MAIL_WRITE)
MESSAGES = Subject(Scope.MAIL_READ, Scope.MAIL_WRITE, asking="PUT")
"""With a PUT they are changed, and cleaned, which changes nothing."""
DRAFTS = Subject(Scope.MAIL_READ, Scope.MAIL_WRITE, asking="POST")
"""With a POST they are made, and sent."""
SENDING = Subject(Scope.MAIL_READ, Scope.MAIL_SEND)
WEBHOOKS = Subject(Scope.WEBHOOKS, Scope.WEBHOOKS)


def require_administration(principal: Principal) -> None:
    """Raise Forbidden unless the principal may see to settings; for such routes among others."""
    require(principal, Scope.ADMINISTRATION)


def require_reading(principal: Principal) -> None:
    """Raise Forbidden unless the principal may read mail; for routes that only do, among others."""
    require(principal, Scope.MAIL_READ)


def require_writing(principal: Principal) -> None:
    """Raise Forbidden unless the principal may change mail; for routes that do, among others."""
    require(principal, Scope.MAIL_WRITE)


def require_sending(principal: Principal) -> None:
    """Raise Forbidden unless the principal may send; for routes that send among others."""
    require(principal, Scope.MAIL_SEND)
