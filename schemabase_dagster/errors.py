"""The error family: what a caller needs to decide whether to wait, mend or give up.

    SchemabaseError
      ConfigurationError          fix settings or arguments; never retried
        UnknownTenantError        no such tenant, or it is archived
        NotEntitledError          the tenant has not paid for the feature
      CredentialError             the app must be re-authorised; stops all runs of the app
      ProviderError               an external system answered wrongly
        RateLimited               wait retry_after seconds, then retry
        QuotaExhausted            the day's calls are used up: end the run as partial
        ProviderUnavailable       network, 5xx, time-out: passing
        ProviderRejected          a 4xx that a retry cannot change
        ProviderContractError     the answer does not have the documented shape
      RecordRejected              one record; set aside, the batch goes on
      ConflictError               two sources disagree and no rule decides; set aside

No message contains a secret, a payload, a header or the query of a URL: messages are built here
from typed arguments, and exception texts end up in Dagster's event log.
"""

from typing import ClassVar


class SchemabaseError(Exception):
    """Base of every error that this product raises on purpose."""

    passing: ClassVar[bool] = False
    """Whether the same action may succeed later without anybody changing anything."""

    exit_status: ClassVar[int] = 1
    """Exit status of the command line for this class."""


class ConfigurationError(SchemabaseError):
    """A setting, argument or configuration is wrong.

    Args:
        what: what is wrong, one sentence.
        hint: what to do next, one sentence.
    """

    exit_status = 2

    def __init__(self, what: str, hint: str = "") -> None:
        self.what = what
        self.hint = hint
        super().__init__(f"{what} {hint}".strip())


class UnknownTenantError(ConfigurationError):
    """The tenant does not exist or is archived."""

    def __init__(self, tenant: str, *, archived: bool = False) -> None:
        self.tenant = tenant
        if archived:
            what = f"Tenant '{tenant}' is archived, nothing is synced for it."
            hint = f"Run 'schemabase tenant activate {tenant}' to use it again."
        else:
            what = f"There is no tenant '{tenant}'."
            hint = "Run 'schemabase tenant list' to see all, or 'schemabase tenant add' to add one."
        super().__init__(what, hint)


class NotEntitledError(ConfigurationError):
    """The tenant may not use a feature."""

    def __init__(self, tenant: str, feature: str) -> None:
        self.tenant = tenant
        self.feature = feature
        super().__init__(
            f"Tenant '{tenant}' is not entitled to '{feature}'.",
            f"Run 'schemabase entitlement grant {tenant} {feature}'.",
        )


class CredentialError(SchemabaseError):
    """An external system refused the credentials of an app.

    Args:
        tenant: slug of the tenant.
        app: key of the app.
        reason: the system's error code, never its text.
    """

    exit_status = 3

    def __init__(self, tenant: str, app: str, reason: str) -> None:
        self.tenant = tenant
        self.app = app
        self.reason = reason
        super().__init__(
            f"The credentials of app '{app}' of tenant '{tenant}' were refused ({reason}). "
            f"Run 'schemabase app set-credentials {tenant} {app}', then "
            f"'schemabase app check {tenant} {app}'."
        )


class ProviderError(SchemabaseError):
    """An external system did not answer as expected.

    Args:
        system: name of the system, for instance ``zoho``.
        what: what was tried, for instance ``list salesorders``; no URL query, no body.
        status: HTTP status, if there was an answer.
        code: the system's own error code.
        retry_after: seconds to wait, if the system named them.
    """

    exit_status = 4
    advice: ClassVar[str] = ""

    def __init__(
        self,
        system: str,
        what: str,
        *,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.system = system
        self.what = what
        self.status = status
        self.code = code
        self.retry_after = retry_after
        facts = [f"HTTP {status}"] if status is not None else []
        facts += [f"code {code}"] if code is not None else []
        tail = f" ({', '.join(facts)})" if facts else ""
        super().__init__(f"{system}: {what}{tail}. {self.advice}".strip())


class RateLimited(ProviderError):  # noqa: N818 - the field's name for it
    """The system asks to slow down."""

    passing = True
    advice = "The system asks to slow down; the next run goes on from here."


class QuotaExhausted(RateLimited):
    """The calls of the day are used up; nothing is gained by retrying now."""

    advice = "The day's calls are used up; the sync goes on when the quota is renewed."


class ProviderUnavailable(ProviderError):  # noqa: N818 - the field's name for it
    """Network trouble, a time-out or an error of the server: passing."""

    passing = True
    advice = "The system is not available; the cursor did not move and the next run tries again."


class ProviderRejected(ProviderError):  # noqa: N818 - the field's name for it
    """The system refused the request and a retry cannot change that."""

    advice = "The request was refused; check the app's configuration."


class ProviderContractError(ProviderError):
    """The answer does not have the documented shape.

    A cut-off or garbled answer may pass, therefore it is retried before it is raised.
    """

    advice = "The answer does not have the documented shape; see docs/ for the supported versions."


class RecordRejected(SchemabaseError):  # noqa: N818 - the field's name for it
    """One record cannot be used; it is kept, shown and tried again.

    Args:
        code: stable code, for instance ``missing``, ``type``, ``no_id``, ``nul_character``.
        path: where in the record, dotted, for instance ``line_items.0.quantity``.
        reason: one sentence without values of the record.
    """

    def __init__(self, code: str, path: str, reason: str) -> None:
        self.code = code
        self.path = path
        self.reason = reason
        super().__init__(f"{code} at '{path}': {reason}")


class ConflictError(SchemabaseError):
    """Two sources disagree and no rule decides; a person has to."""

    def __init__(self, kind: str, what: str) -> None:
        self.kind = kind
        super().__init__(f"{kind}: {what} Run 'schemabase conflict list' to see and settle it.")
