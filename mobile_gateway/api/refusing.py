"""How the HTTP face says no: each fault becomes the problem that explains it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from mobile_gateway.api.problems import Problem, Refused, problem_response
from mobile_gateway.disk.store import StoreFailed

RETRY_AFTER_SECONDS = "1"


def add_handlers(app: FastAPI) -> None:
    """Let `app` answer every fault with a problem."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(StoreFailed, _store_failed)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


async def _refused(_: Request, fault: Exception) -> Response:
    assert isinstance(fault, Refused)
    return problem_response(fault)


async def _store_failed(_: Request, fault: Exception) -> Response:
    detail = f"The message store does not work now: {fault}."
    return problem_response(Refused(Problem.UNAVAILABLE, detail, headers={"Retry-After": RETRY_AFTER_SECONDS}))


async def _invalid(_: Request, fault: Exception) -> Response:
    assert isinstance(fault, RequestValidationError)
    errors = [{"pointer": _pointer(error), "detail": str(error["msg"])} for error in fault.errors()]
    where = ", ".join(sorted({error["pointer"] or "the body" for error in errors}))
    return problem_response(Refused(Problem.INVALID, f"Correct {where}; see `errors`.", errors=errors))


def _pointer(error: Mapping[str, Any]) -> str:
    """A JSON pointer into the body (RFC 6901); for what is not in the body, its kind and name."""
    kind, *names = ("body",) if error["type"] == "json_invalid" else error["loc"]
    path = "".join("/" + str(name).replace("~", "~0").replace("/", "~1") for name in names)
    return path if kind == "body" else f"{kind}{path}"


async def _http(_: Request, fault: Exception) -> Response:
    assert isinstance(fault, HTTPException)
    known: Mapping[int, Problem] = {problem.value.status: problem for problem in (Problem.NOT_FOUND, Problem.METHOD)}
    problem = known.get(fault.status_code, Problem.INVALID)
    return problem_response(Refused(problem, problem.value.advice, headers=fault.headers))
