"""Writes layers/common/postroom/web/openapi.json: what the API is, as its code says.

    routes, made by Powertools ─┐
    @documented at each route  ─┼─► document ─► openapi.json ─► GET /openapi.json, GET /docs
    schemas, error kinds       ─┤
    examples                   ─┘

`python -m docs.openapi` writes the file, and with `--check` only compares.
"""
