"""What the desk's API is, for programs: its OpenAPI document, with how to sign in to it."""

from typing import Any

from fastapi import APIRouter, Request

from review.rights import Right, needs

router = APIRouter()
SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "A token of the page People, with scopes."},
    "session": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRF",
        "description": "For the desk's own pages: beside the session's cookie, what a change must carry.",
    },
}


@router.get("/v1/openapi.json", dependencies=[needs(Right.SEE)])
def document(request: Request) -> dict[str, Any]:
    """The OpenAPI document of every route under /v1."""
    found: dict[str, Any] = dict(request.app.openapi())
    found["paths"] = {path: one for path, one in found["paths"].items() if path.startswith("/v1/")}
    found["components"] = {**found.get("components", {}), "securitySchemes": SCHEMES}
    found["security"] = [{"token": []}, {"session": []}]
    return found
