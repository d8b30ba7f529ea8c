"""The API against its own description: whatever is sent, the answer is one that the document names."""

from typing import Any

import pytest
import schemathesis
from fastapi import Request
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from review.desk import Desk, create
from review.rights import ROLES, Person
from store.ledger import Ledger
from tests.review.conftest import JPEG
from tests.review.seed import seed

CHECKED = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


LIMITS = settings(
    max_examples=25, derandomize=True, deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A desk on some weeks of work, where everybody is a program that may do everything."""
    folder = tmp_path_factory.mktemp("api")

    async def who(_: Request) -> Person:
        return Person(name="ada", role="admin", rights=ROLES["admin"])

    with Ledger(folder / "ledger.db") as ledger:
        seed(ledger, posts=200, findings=80, days=5)
    return create(
        Desk(
            ledger=folder / "ledger.db", blob=lambda sha256: folder / sha256, picture=lambda _sha256, _offset_s: JPEG,
            screen=lambda _path: {"score": 0.0, "matches": []}, add=lambda **_: None, settings={},
        ),
        who,
    )  # fmt: skip


@pytest.fixture(scope="module")
def document(application: Any) -> Any:
    """What schemathesis reads of it."""
    return schemathesis.openapi.from_asgi("/v1/openapi.json", application)


def test_document_tells_what_a_program_needs(application: Any) -> None:
    """Every route under /v1 is in it, none of the pages is, and how to sign in stands there."""
    found = TestClient(application).get("/v1/openapi.json").json()
    said = [one for path in found["paths"].values() for one in path.values()]

    assert {"/v1/cases", "/v1/next", "/v1/screen", "/v1/references", "/v1/people"} <= found["paths"].keys()
    assert [path for path in found["paths"] if not path.startswith("/v1/")] == []
    assert found["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert [one["operationId"] for one in said if not one.get("description")] == []


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_answers_are_those_of_the_document(document: Any, application: Any, mode: GenerationMode) -> None:
    """What fits the document and what does not: no fault, and no status, kind or shape that it does not name."""
    wrong: dict[str, str] = {}
    tried = 0

    def ask(case: Any) -> None:
        nonlocal tried
        tried += 1
        _aim(case, application)
        case.call_and_validate(checks=CHECKED)

    for found in document.get_all_operations():
        operation = found.ok()
        try:
            LIMITS(given(case=operation.as_strategy(generation_mode=mode))(ask))()
        except (Failure, FailureGroup) as error:
            wrong[operation.label] = str(error)

    assert wrong == {}
    assert tried > 200


def _aim(case: Any, application: Any) -> None:
    """Two of three cases asked for are there, and so are their members: more than the refusal is tried."""
    letters = sum(map(ord, str(case.path_parameters.get("case", ""))))
    if not letters % 3:
        return
    sql = "SELECT finding, case_id, f.franchise FROM members JOIN findings f ON f.id = finding ORDER BY 3, 2, 1"
    members = application.state.ledgers.own.rows(sql)
    member, next_one = members[letters % len(members)], members[(letters + 1) % len(members)]
    case.path_parameters["case"] = member["case_id"]
    if isinstance(case.body, dict) and isinstance(case.body.get("findings"), list):
        case.body["findings"] = [member["finding"]]
    if isinstance(case.body, dict) and isinstance(case.body.get("into"), str):
        case.body["into"] = next_one["case_id"]
