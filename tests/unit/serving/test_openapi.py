"""The service answers as its OpenAPI description says, whatever the description allows to be sent."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
MODEL = "/v2/models/hornet"
OPERATIONS = [
    ("/predict", "POST"),
    ("/collect", "POST"),
    ("/collect/{picture}", "DELETE"),
    ("/v2", "GET"),
    ("/v2/health/live", "GET"),
    ("/v2/health/ready", "GET"),
    (MODEL, "GET"),
    (f"{MODEL}/ready", "GET"),
    (f"{MODEL}/infer", "POST"),
    (f"{MODEL}/versions/{{version}}", "GET"),
    (f"{MODEL}/versions/{{version}}/ready", "GET"),
    (f"{MODEL}/versions/{{version}}/infer", "POST"),
    ("/metrics", "GET"),
]


@pytest.fixture(scope="module")
def description(session_model, serving, tmp_path_factory):
    """Return the description of a service with the tiny model that collects, and the way to it."""
    folder = tmp_path_factory.mktemp("collected")
    with serving(model=str(session_model), collect=str(folder)) as client:
        yield schemathesis.openapi.from_url(f"{client.base_url}/openapi.json")


def test_every_operation_is_tried(description):
    """The list below is the description's: a new operation can't be forgotten."""
    described = [(entry.ok().path, entry.ok().method.upper()) for entry in description.get_all_operations()]

    assert sorted(OPERATIONS) == sorted(described)


@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_answers_as_described(description, path, method, mode):
    """Whether a request keeps to the description or breaks it: no 5xx, a documented status, a fitting answer."""
    operation = description[path][method]
    if mode == "negative" and not operation.body and not list(operation.iter_parameters()):
        return  # nothing that could be broken

    @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode)))
    @settings(
        max_examples=15,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def try_it(case):
        case.call_and_validate(checks=CHECKS)

    try_it()
