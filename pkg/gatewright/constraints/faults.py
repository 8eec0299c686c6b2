"""What can be wrong with a template or a constraint, as errors.

Texts are Gatekeeper's.  An error about what the user wrote is answered 422 by the
webhook, one about reading it 500: `user_error` tells them apart.
"""

from __future__ import annotations

__all__ = [
    "ConstraintError",
    "DecodeError",
    "IngestError",
    "PolicyFault",
    "TemplateError",
]


class PolicyFault(ValueError):
    """Something is wrong with a policy object; the text says what.

    `code` is what a template's status calls it (`create_error`, `ingest_error`,
    ...); `user_error` whether the webhook answers 422 or 500.
    """

    code = "create_error"
    user_error = True


class DecodeError(PolicyFault):
    """An object whose fields are not of the right types."""

    code = "conversion_error"
    user_error = False


class TemplateError(PolicyFault):
    """A template from which no constraint kind can be made."""


class IngestError(PolicyFault):
    """A template whose code cannot be used."""

    code = "ingest_error"


class ConstraintError(PolicyFault):
    """A constraint that its template does not accept."""
