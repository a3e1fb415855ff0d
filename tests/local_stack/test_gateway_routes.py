"""The gateway chooses the route API Gateway would choose, from the template SAM processed."""

import pytest

from local.gateway.routes import Route, RouteTable, UnreadableTemplate, routes_of_template

# The example of API Gateway's own documentation, with `$default` and a method of its own added.
ROUTES = RouteTable(
    [
        Route("ANY", "/{proxy+}", "anything"),
        Route("GET", "/pets/{proxy+}", "greedy"),
        Route("GET", "/pets/dog/{id}", "variable"),
        Route("ANY", "/pets/dog/1", "any_method"),
        Route("GET", "/pets/dog/1", "exact"),
        Route("ANY", "$default", "not_found"),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "function", "parameters"),
    [
        ("GET", "/pets/dog/1", "exact", {}),
        ("POST", "/pets/dog/1", "any_method", {}),
        ("GET", "/pets/dog/2", "variable", {"id": "2"}),
        ("GET", "/pets/dog/a b", "variable", {"id": "a b"}),
        ("GET", "/pets/cat/1", "greedy", {"proxy": "cat/1"}),
        ("POST", "/test/5", "anything", {"proxy": "test/5"}),
        ("GET", "/", "not_found", {}),
    ],
)
def test_most_specific_route_wins(
    method: str, path: str, function: str, parameters: dict[str, str]
) -> None:
    """Fixed segments beat variables, variables beat greedy ones, and `$default` comes last."""
    match = ROUTES.match(method, path)

    assert match is not None
    assert (match.route.function_name, match.path_parameters) == (function, parameters)


def test_doubled_slash_is_another_path() -> None:
    """`//v3/grants` is not `/v3/grants`, so `$default` may redirect it."""
    routes = RouteTable(
        [Route("GET", "/v3/grants", "accounts"), Route("ANY", "$default", "not_found")]
    )

    match = routes.match("GET", "//v3/grants")

    assert match is not None
    assert match.route.key == "$default"


def test_no_route_and_no_default_is_no_match() -> None:
    """Without `$default` an unknown path matches nothing."""
    assert RouteTable([Route("GET", "/a", "a")]).match("GET", "/b") is None


def _integration(logical_id: str) -> dict[str, object]:
    uri = (
        "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"
        f"${{{logical_id}.Arn}}/invocations"
    )
    return {"x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": {"Fn::Sub": uri}}}


def test_routes_are_read_from_the_processed_template() -> None:
    """Methods, the any-method key and `$default` all find their deployed function."""
    paths = {
        "/v3/grants/{grant_id}": {"get": _integration("AccountsFunction")},
        "/v3/any": {"x-amazon-apigateway-any-method": _integration("AccountsFunction")},
        "$default": {
            "x-amazon-apigateway-any-method": {
                **_integration("NotFoundFunction"),
                "isDefaultRoute": True,
            }
        },
    }
    template = {
        "Resources": {
            "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Body": {"paths": paths}}},
            "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {}},
        }
    }
    names = {"AccountsFunction": "stack-accounts", "NotFoundFunction": "stack-not-found"}

    routes = routes_of_template(template, names)

    chosen = {
        path: match.route
        for method, path in [("GET", "/v3/grants/g1"), ("PUT", "/v3/any"), ("GET", "/x")]
        if (match := routes.match(method, path))
    }
    assert {path: (route.key, route.function_name) for path, route in chosen.items()} == {
        "/v3/grants/g1": ("GET /v3/grants/{grant_id}", "stack-accounts"),
        "/v3/any": ("ANY /v3/any", "stack-accounts"),
        "/x": ("$default", "stack-not-found"),
    }


def test_template_without_an_http_api_is_refused() -> None:
    """A template the gateway cannot read is said to be so, not served without routes."""
    with pytest.raises(UnreadableTemplate):
        routes_of_template({"Resources": {}}, {})
