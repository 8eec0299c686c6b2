"""What the API server refuses, told apart."""

from __future__ import annotations

import msgspec

__all__ = ["ApiError", "Unreachable", "refusal"]


class ApiError(Exception):
    """An answer that is no success.  `status` is HTTP's, `reason` Kubernetes'
    (`Forbidden`, `Expired`, ...), `retry_after` seconds or 0."""

    def __init__(
        self, status: int, reason: str, message: str, *, retry_after: float = 0.0
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after

    @property
    def not_found(self) -> bool:
        """The object, or the kind, is not there."""
        return self.status == 404

    @property
    def forbidden(self) -> bool:
        """We may not do that (RBAC, or nobody knows us)."""
        return self.status in (401, 403)

    @property
    def conflict(self) -> bool:
        """Somebody else wrote the object since we read it."""
        return self.status == 409 and self.reason != "AlreadyExists"

    @property
    def exists(self) -> bool:
        """An object of that name is there already."""
        return self.status == 409 and self.reason == "AlreadyExists"

    @property
    def expired(self) -> bool:
        """The resource version, or the list's next page, is too old."""
        return self.status == 410 or self.reason in ("Expired", "Gone")


class Unreachable(Exception):
    """No answer: the connection could not be made, or broke."""


class _Details(msgspec.Struct):
    retryAfterSeconds: int = 0  # noqa: N815 - Kubernetes' name


class _Status(msgspec.Struct):
    message: str = ""
    reason: str = ""
    code: int = 0
    details: _Details | None = None


def refusal(
    status: int, body: bytes, *, retry_after: str = "", request: str = ""
) -> ApiError:
    """The error that an answer stands for; `request` is shown where the answer
    holds no message."""
    try:
        said = msgspec.json.decode(body, type=_Status)
    except msgspec.DecodeError:
        said = _Status(message=body[:200].decode("utf-8", "replace").strip())
    seconds = float(said.details.retryAfterSeconds) if said.details else 0.0
    if retry_after.isascii() and retry_after.isdigit():
        seconds = float(retry_after)
    message = said.message or f"HTTP status {status} to {request}"
    return ApiError(status or said.code, said.reason, message, retry_after=seconds)
