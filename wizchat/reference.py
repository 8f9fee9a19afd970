"""The content of the API reference at /docs/, read from the OpenAPI document."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from django.utils.html import escape, format_html_join

from wizchat.api.openapi import document
from wizchat.samples import samples

JSON = "application/json"


class Field(NamedTuple):
    """A parameter or a field of a body; ``facts`` is a phrase: where it goes, its type and its limits."""

    name: str
    facts: str
    is_required: bool
    description: str


class Answer(NamedTuple):
    status: str
    code: str
    message: str


class Entry(NamedTuple):
    """One operation as the page shows it; ``samples`` is (language, code)."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    permission: str | None
    fields: list[Field]
    samples: list[tuple[str, str]]
    status: str
    answer: str
    errors: list[Answer]


def entries(base: str) -> dict[str, list[Entry]]:
    """Return the operations by tag, with samples for the site at ``base``."""
    found: dict[str, list[Entry]] = {tag["name"]: [] for tag in document()["tags"]}
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            entry = _entry(base, method.upper(), path, operation)
            found[operation["tags"][0]].append(entry)
    return found


def _entry(base: str, method: str, path: str, operation: dict[str, Any]) -> Entry:
    body = operation.get("requestBody", {}).get("content", {}).get(JSON)
    status = next(iter(operation["responses"]))
    answered = operation["responses"][status].get("content", {}).get(JSON)
    has_key = "security" in operation
    return Entry(
        operation["operationId"],
        method,
        path,
        operation["summary"],
        with_code(operation["description"].partition("\n\n")[0]),
        _required(operation["x-required-permission"], has_key=has_key),
        [*_parameters(operation), *(_body_fields(body["schema"]) if body else [])],
        samples(base, method, path, _example(body) if body else None, has_key=has_key),
        status,
        json.dumps(_example(answered), indent=2, ensure_ascii=False) if answered else "",
        _errors(operation),
    )


def _required(permission: str | None, *, has_key: bool) -> str | None:
    if permission is None:
        return "any valid key" if has_key else None
    return f"the {permission} permission"


def _example(content: dict[str, Any]) -> Any:
    (example,) = content["examples"].values()
    return example["value"]


def _parameters(operation: dict[str, Any]) -> list[Field]:
    return [
        _field(
            one["name"],
            one["in"],
            one.get("schema", {}),
            one.get("required", False),
            one.get("description", ""),
        )
        for one in operation.get("parameters", ())
    ]


def _body_fields(schema: dict[str, Any]) -> list[Field]:
    resolved = _resolve(schema.get("items", schema))
    required = resolved.get("required", ())
    return [
        _field(name, "body", _resolve(one), name in required, one.get("description", ""))
        for name, one in resolved.get("properties", {}).items()
    ]


def _field(name: str, place: str, schema: dict[str, Any], is_required: bool, description: str) -> Field:
    kinds = schema.get("type", "string")
    kind = " or ".join(kinds) if isinstance(kinds, list) else kinds
    if kind == "array":
        kind = "list"
    facts = "; ".join(filter(None, [f"{place}, {kind}", limits_of(schema)]))
    return Field(name, facts, is_required, with_code(description))


def with_code(text: str) -> str:
    """Convert Markdown's `code` to HTML; escape the rest of ``text``."""
    plain, *rest = text.split("`")
    pairs = zip(rest[::2], rest[1::2], strict=True)
    return escape(plain) + format_html_join("", "<code>{}</code>{}", pairs)


def limits_of(schema: dict[str, Any]) -> str:
    """Return the limits in a schema as a phrase."""
    phrases = []
    if "enum" in schema or "enum" in schema.get("items", {}):
        phrases.append(", ".join(schema.get("enum") or schema["items"]["enum"]))
    if "minimum" in schema or "maximum" in schema:
        phrases.append(_range(schema.get("minimum"), schema.get("maximum")))
    if "minLength" in schema or "maxLength" in schema:
        phrases.append(f"{_range(schema.get('minLength'), schema.get('maxLength'))} characters")
    if schema.get("minItems") == 1 and "maxItems" not in schema:
        phrases.append("at least one")
    elif "minItems" in schema or "maxItems" in schema:
        phrases.append(f"{_range(schema.get('minItems'), schema.get('maxItems'))} entries")
    if schema.get("default") is not None:
        phrases.append(f"default {json.dumps(schema['default'])}")
    return "; ".join(phrases)


def _range(least: int | None, most: int | None) -> str:
    if most is None:
        return f"at least {least:,}"
    return f"up to {most:,}" if least is None else f"{least:,} to {most:,}"


def _errors(operation: dict[str, Any]) -> list[Answer]:
    return [
        Answer(status, example["value"]["error"]["code"], example["value"]["error"]["message"])
        for status, response in operation["responses"].items()
        if int(status) >= 400
        for example in response["content"]["application/json"]["examples"].values()
    ]


def _resolve(schema: dict[str, Any]) -> dict[str, Any]:
    if "allOf" in schema:
        schema = schema["allOf"][0]
    reference = schema.get("$ref")
    if reference is None:
        return schema
    resolved: dict[str, Any] = document()["components"]["schemas"][reference.rpartition("/")[2]]
    return resolved
