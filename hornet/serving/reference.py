"""``/docs``: the OpenAPI description as a page. No script, nothing from elsewhere.

FastAPI's own pages load Swagger UI from a content delivery network and start it with an inline script, which a
strict content security policy forbids, and which a field laptop without a network can't show.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any


def render(description: dict[str, Any]) -> str:
    """Return an OpenAPI 3.1 description as HTML."""
    info = description["info"]
    operations: dict[str, list[str]] = {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            group = operation.get("tags", ["other"])[0]
            operations.setdefault(group, []).append(_operation(method, path, operation))
    schemas = description.get("components", {}).get("schemas", {})
    body = [
        f"<h1>{escape(info['title'])} <span class=dim>{escape(info['version'])}</span></h1>",
        f"<p>{_text(info.get('description', ''))} Machines read <a href='/openapi.json'>/openapi.json</a>.</p>",
        *(f"<h2>{escape(group)}</h2>{''.join(parts)}" for group, parts in operations.items()),
        "<h2>Schemas</h2>",
        *(
            f"<h3 id='{escape(name)}'>{escape(name)}</h3>{_schema(schema)}"
            for name, schema in schemas.items()
        ),
    ]
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<title>{escape(info['title'])}</title><link rel=stylesheet href='/static/reference.css'></head>"
        f"<body>{''.join(body)}</body></html>"
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    parts = [
        f"<h3><span class=method>{escape(method.upper())}</span><code>{escape(path)}</code></h3>",
        f"<p><b>{escape(operation.get('summary', ''))}</b> {_text(operation.get('description', ''))}</p>",
    ]
    rows = [
        _row(
            f"{entry['in']} <code>{escape(entry['name'])}</code>",
            f"{_text(entry.get('description', ''))} <span class=dim>{_kind(entry['schema'])}</span>",
        )
        for entry in operation.get("parameters", [])
    ]
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        rows.append(_row(f"body <code>{escape(kind)}</code>", _kind(content["schema"])))
    for status, response in sorted(operation.get("responses", {}).items()):
        kinds = [
            _kind(content["schema"])
            for content in response.get("content", {}).values()
            if "schema" in content
        ]
        rows.append(_row(escape(status), f"{_text(response.get('description', ''))} {' or '.join(kinds)}"))
    return "".join([*parts, f"<table>{''.join(rows)}</table>"])


def _schema(schema: dict[str, Any]) -> str:
    rows = [
        _row(
            f"<code>{escape(name)}</code>",
            f"{_text(entry.get('description', ''))} <span class=dim>{_kind(entry)}</span>",
        )
        for name, entry in schema.get("properties", {}).items()
    ]
    return f"<p>{_text(schema.get('description', ''))}</p><table>{''.join(rows)}</table>"


def _kind(schema: dict[str, Any]) -> str:
    """Return a schema in a few words."""
    if "$ref" in schema or "anyOf" in schema:
        names = (escape(entry["$ref"].rpartition("/")[2]) for entry in [schema] if "$ref" in entry)
        links = [f"<a href='#{name}'>{name}</a>" for name in names]
        return " or ".join(links + [_kind(entry) for entry in schema.get("anyOf", [])])
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " or ".join(f"<code>{escape(json.dumps(value))}</code>" for value in values)
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if schema.get("type") == "object" and "properties" in schema:
        inside = ", ".join(
            f"<code>{escape(name)}</code>: {_kind(entry)}" for name, entry in schema["properties"].items()
        )
        return f"object ({inside})"
    if schema.get("format") == "binary":
        return "bytes"
    limits = [
        f"{words} {schema[key]:g}" for key, words in (("minimum", "from"), ("maximum", "to")) if key in schema
    ]
    return escape(" ".join([schema.get("type", "anything"), *limits]))


def _row(first: str, second: str) -> str:
    return f"<tr><td>{first}</td><td>{second}</td></tr>"


def _text(text: str) -> str:
    """Return a sentence as HTML; `code` becomes code."""
    pieces = escape(text, quote=False).split("`")
    return "".join(f"<code>{piece}</code>" if at % 2 else piece for at, piece in enumerate(pieces))
