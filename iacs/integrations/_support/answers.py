"""What a web API answers when an error of iacs is not caught by its code."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil

from iacs.core.exceptions import IACSGraphError

STATUS: Mapping[str, int] = {
    "account": HTTPStatus.BAD_REQUEST,
    "account_disabled": HTTPStatus.FORBIDDEN,
    "account_not_found": HTTPStatus.NOT_FOUND,
    "api_connection": HTTPStatus.BAD_GATEWAY,
    "authentication": HTTPStatus.UNAUTHORIZED,
    "database": HTTPStatus.SERVICE_UNAVAILABLE,
    "event": HTTPStatus.SERVICE_UNAVAILABLE,
    "graph": HTTPStatus.BAD_GATEWAY,
    "invalid_id_token": HTTPStatus.UNAUTHORIZED,
    "kafka": HTTPStatus.SERVICE_UNAVAILABLE,
    "key_refused": HTTPStatus.SERVICE_UNAVAILABLE,
    "key_service": HTTPStatus.SERVICE_UNAVAILABLE,
    "mail_query": HTTPStatus.UNPROCESSABLE_ENTITY,
    "malformed_response": HTTPStatus.BAD_GATEWAY,
    "operator_required": HTTPStatus.SERVICE_UNAVAILABLE,
    "publish": HTTPStatus.SERVICE_UNAVAILABLE,
    "sign_in_expired": HTTPStatus.UNAUTHORIZED,
    "sign_in_required": HTTPStatus.UNAUTHORIZED,
    "wrong_person": HTTPStatus.UNAUTHORIZED,
}
"""The status of each error code; every other one is 500."""

_logger = logging.getLogger("iacs.integrations")


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, JSON and headers of a response."""

    status: int
    body: Mapping[str, str]
    headers: Mapping[str, str]


def answer_to(error: IACSGraphError, status: Mapping[str, int]) -> Answer:
    """Return the answer to an error; `status` goes before STATUS.

    What the caller of an API can do something about is answered with its message. Any other error is logged, since
    nobody else sees it, and its message, which may describe the inside of the service, is not shown.
    """
    number = status.get(error.code, STATUS.get(error.code, 500))
    seconds = getattr(error, "retry_after", None)
    headers = {} if seconds is None else {"Retry-After": str(ceil(seconds))}
    if number < 500:
        return Answer(number, {"code": error.code, "message": str(error)}, headers)
    _logger.error("a request ended with the status %d", number, exc_info=error)
    return Answer(number, {"code": error.code, "message": HTTPStatus(number).phrase}, headers)
