"""Who an address is to Entra: its tenant, its object id, and which sign-in addresses let it in.

https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols#endpoints
"""

import hashlib
import re
import uuid

PERSONAL_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant of all personal Microsoft accounts."""
SHARED_TENANTS = frozenset({"common", "organizations", "consumers"})
_PERSONAL = re.compile(r"(outlook|hotmail|live|msn)\.[a-z.]+")
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")


def is_personal(address: str) -> bool:
    """Return whether an address is a personal account's: of Outlook, Hotmail, Live or MSN."""
    return bool(_PERSONAL.fullmatch(_domain(address)))


def tenant_of(address: str) -> str:
    """Return the id of an address' tenant: one for all personal accounts, else its domain's."""
    return PERSONAL_TENANT if is_personal(address) else _uuid(f"tenant {_domain(address)}")


def object_id_of(address: str) -> str:
    """Return the stable id of an account; a personal one's ends in its 16-digit user id."""
    if is_personal(address):
        digits = hashlib.sha256(address.lower().encode()).hexdigest()[:16]
        return f"00000000-0000-0000-{digits[:4]}-{digits[4:]}"
    return _uuid(f"user {address.lower()}")


def subject_of(client_id: str, address: str) -> str:
    """Return what one application knows an account by; another gets another subject."""
    digest = hashlib.sha256(f"{client_id} {object_id_of(address)}".encode())
    return f"{digest.hexdigest()[:43]}"


def tenant_id(tenant: str) -> str | None:
    """Return the id of a tenant in an address' path: a GUID, or a verified domain's.

    None for the shared ones, and for what is neither. Every domain and GUID has a tenant here.
    """
    tenant = tenant.lower()
    if tenant == "consumers":
        return PERSONAL_TENANT
    if _DOMAIN.fullmatch(tenant):
        return tenant_of(f"@{tenant}")
    try:
        return str(uuid.UUID(tenant))
    except ValueError:
        return None


def may_sign_in(tenant: str, address: str) -> bool:
    """Return whether an account belongs to the tenant in an address' path."""
    if tenant.lower() == "common":
        return True
    if tenant.lower() == "organizations":
        return not is_personal(address)
    return tenant_id(tenant) == tenant_of(address)


def _domain(address: str) -> str:
    return address.lower().rpartition("@")[2]


def _uuid(seed: str) -> str:
    return str(uuid.UUID(bytes=hashlib.sha256(seed.encode()).digest()[:16], version=4))
