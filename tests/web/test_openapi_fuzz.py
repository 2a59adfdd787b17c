"""Requests made from `/openapi.json`: no address fails, none answers what it does not describe."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.conftest import build
from tests.web.web_site import archive, site
from web.openapi import describe_api

_EXAMPLES = 15
_CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    """The description of a site over thirty stories."""
    index = build(tmp_path_factory.mktemp("fuzz"), archive())
    return schemathesis.openapi.from_wsgi("/openapi.json", site(index))


@pytest.mark.parametrize("path", describe_api("")["paths"])
@pytest.mark.parametrize("mode", schemathesis.GenerationMode)
def test_every_answer_is_described(described, path, mode):
    """Whatever is asked for: status, type and shape are as the description says."""
    operation = described[path]["GET"]

    @given(operation.as_strategy(generation_mode=mode))
    @settings(max_examples=_EXAMPLES, deadline=None, suppress_health_check=[*HealthCheck])
    def ask(case):
        # What calls an app without a server does not unpack its answers.
        case.call_and_validate(checks=_CHECKS, headers={"Accept-Encoding": "identity"})

    try:
        ask()
    except Unsatisfiable:
        assert mode is schemathesis.GenerationMode.NEGATIVE  # nothing can be wrong with it
