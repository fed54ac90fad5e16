"""Tenants, their apps and what they are entitled to: read and write."""

from schemabase_dagster.tenancy.apps import (
    add_app,
    check_app,
    check_cron,
    disable_app,
    disable_streams,
    enable_app,
    enable_streams,
    enabled_streams,
    get_app,
    list_apps,
)
from schemabase_dagster.tenancy.credentials import (
    load_credentials,
    mark_credentials_failed,
    mark_credentials_working,
    set_credentials,
)
from schemabase_dagster.tenancy.entitlements import (
    EVERYTHING,
    FEATURES,
    FOREVER,
    grant,
    is_entitled,
    list_entitlements,
    require_entitled,
    revoke,
)
from schemabase_dagster.tenancy.records import App, Entitlement, Tenant
from schemabase_dagster.tenancy.tenants import (
    activate_tenant,
    add_tenant,
    check_timezone,
    deactivate_tenant,
    get_tenant,
    list_tenants,
)

__all__ = [
    "EVERYTHING",
    "FEATURES",
    "FOREVER",
    "App",
    "Entitlement",
    "Tenant",
    "activate_tenant",
    "add_app",
    "add_tenant",
    "check_app",
    "check_cron",
    "check_timezone",
    "deactivate_tenant",
    "disable_app",
    "disable_streams",
    "enable_app",
    "enable_streams",
    "enabled_streams",
    "get_app",
    "get_tenant",
    "grant",
    "is_entitled",
    "list_apps",
    "list_entitlements",
    "list_tenants",
    "load_credentials",
    "mark_credentials_failed",
    "mark_credentials_working",
    "require_entitled",
    "revoke",
    "set_credentials",
]
