"""Arguments and options that several commands take, with one help text each."""

from typing import Annotated

import typer

TenantSlug = Annotated[str, typer.Argument(metavar="TENANT", help="Slug of the tenant.")]
TenantFilter = Annotated[str | None, typer.Argument(metavar="[TENANT]", help="Only this tenant's.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
