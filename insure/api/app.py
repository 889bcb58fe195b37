"""The HTTP routes: each asks the engine one question and writes the answer as JSON."""

import re
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import FastAPI, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException

from insure.api.face import EngineFace
from insure.api.metrics import exposition
from insure.api.schemas import (
    ErrorBody,
    HealthBody,
    IncidentBody,
    IssuedQuoteBody,
    PolicyBody,
    PoolBody,
    QuoteBody,
    SubjectBody,
    TermsBody,
)
from insure.errors import ChainError, InsureError, InvalidInput, NotConfigured, Refused

_REFUSALS: dict[int | str, dict[str, Any]] = {
    409: {"model": ErrorBody, "description": "The desk refuses, for the reason given"},
    422: {"model": ErrorBody, "description": "The named field is wrong"},
    503: {"model": ErrorBody, "description": "The chain does not answer, or no key is configured"},
}
_MISSING: dict[int | str, dict[str, Any]] = {404: {"model": ErrorBody, "description": "There is none"}}
_STATUS: tuple[tuple[type[InsureError], int], ...] = (
    (InvalidInput, 422),
    (Refused, 409),
    (NotConfigured, 503),
    (ChainError, 503),
)
_FIELDS = {*QuoteBody.model_fields, *(f"terms.{name}" for name in TermsBody.model_fields)}


def create_api(engine: EngineFace) -> FastAPI:
    """The API of one engine; OpenAPI at /docs. A second one in the same process shares nothing with it."""
    app = FastAPI(
        title="Downtime cover",
        version=version("downtime-insurance"),
        description="Parametric downtime cover for blockchains. Money is a string of whole smallest units of the "
        "asset, time is UTC seconds, rates are basis points.",
    )
    _answer_questions(app, engine)
    _answer_errors(app)
    return app


def _answer_questions(app: FastAPI, engine: EngineFace) -> None:
    @app.get("/v1/subjects", response_model=list[SubjectBody], tags=["cover"])
    def subjects() -> Sequence[object]:
        """What can be covered: history, the model's rates, and whether cover is sold now."""
        return engine.subjects()

    @app.post("/v1/quotes", response_model=IssuedQuoteBody, responses=_REFUSALS, tags=["cover"])
    def quote(body: QuoteBody) -> object:
        """A signed EIP-712 quote with its breakdown and the buyer's transactions, ready to be signed."""
        return engine.quote(body.to_request())

    @app.get("/v1/policies/{policy_id}", response_model=PolicyBody, responses=_MISSING, tags=["cover"])
    def policy(policy_id: Annotated[int, Path(ge=0, lt=2**63)]) -> object:
        """A policy, what it is owed and what it was paid."""
        found = engine.policy(policy_id)
        if found is None:
            raise HTTPException(404, f"policy {policy_id}: there is none of that number")
        return found

    @app.get("/v1/incidents", response_model=list[IncidentBody], tags=["pool"])
    def incidents() -> Sequence[object]:
        """All incidents, newest first, with what each path attests and what was paid."""
        return engine.incidents()

    @app.get("/v1/pool", response_model=PoolBody, tags=["pool"])
    def pool() -> object:
        """The pool: assets, share price, yield, exposure by subject and scenario."""
        return engine.pool()

    @app.get("/healthz", response_model=HealthBody, responses={503: {"model": HealthBody}}, tags=["operation"])
    def health() -> object:
        """200 when every job's last run was good, else 503 with the same body."""
        body = HealthBody.model_validate(engine.health())
        return body if body.ok else JSONResponse(body.model_dump(mode="json"), 503)

    @app.get("/readyz", response_model=HealthBody, responses={503: {"model": HealthBody}}, tags=["operation"])
    def ready() -> object:
        """200 when the host chain answers and the mirror has nearly all it should, else 503 with the same body."""
        body = HealthBody.model_validate(engine.health())
        return body if body.ready else JSONResponse(body.model_dump(mode="json"), 503)

    @app.get("/metrics", response_class=Response, tags=["operation"])
    def metrics() -> Response:
        """Mirror, jobs, endpoints and solvency for Prometheus."""
        return Response(exposition(engine.health(), engine.pool()), media_type=CONTENT_TYPE_LATEST)

    @app.get("/v1/{rest:path}", include_in_schema=False)
    def unknown(rest: str) -> None:
        """What is mounted beside the API must not answer for a route it does not have."""
        raise HTTPException(404, f"/v1/{rest}: no such route; see /docs")


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(InsureError)
    def ours(_: Request, error: InsureError) -> JSONResponse:
        status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
        return _fault(status, str(error), _field(str(error)) if status == 422 else None)

    @app.exception_handler(RequestValidationError)
    def malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"] if part not in {"body", "path", "query"})
        return _fault(422, f"{field or 'body'}: {first['msg']}", field or None)

    @app.exception_handler(HTTPException)
    def http(_: Request, error: HTTPException) -> JSONResponse:
        return _fault(error.status_code, str(error.detail), None)


def _field(message: str) -> str | None:
    """The field that a message of ours names first; who speaks of a subject means `subject_id`."""
    first = re.match(r"[\w.]+", message)
    name = first.group() if first else ""
    return "subject_id" if name == "subject" else name if name in _FIELDS else None


def _fault(status: int, message: str, field: str | None) -> JSONResponse:
    fault = {"message": message} | ({"field": field} if field else {})
    return JSONResponse({"error": fault}, status)
