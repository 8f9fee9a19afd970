"""The API reference as data: what the page at /docs/ shows, read from the OpenAPI document."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from wizchat.api.openapi import document

JSON = "application/json"


class Field(NamedTuple):
    """A parameter or a field of a body; ``limits`` is a phrase."""

    name: str
    place: str
    kind: str
    limits: str
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
    found: dict[str, list[Entry]] = {}
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            entry = _entry(base, method.upper(), path, operation)
            found.setdefault(operation["tags"][0], []).append(entry)
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
        operation["description"].partition("\n\n")[0].replace("`", ""),
        operation["x-required-permission"] or ("any valid key" if has_key else None),
        [*_parameters(operation), *(_body_fields(body["schema"]) if body else [])],
        samples(base, method, path, _example(body) if body else None, has_key=has_key),
        status,
        json.dumps(_example(answered), indent=2, ensure_ascii=False) if answered else "",
        _errors(operation),
    )


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
    resolved = _resolve(schema)
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
    return Field(name, place, kind, limits_of(schema), is_required, description)


def limits_of(schema: dict[str, Any]) -> str:
    """Return the limits in a schema as a phrase."""
    phrases = []
    if "enum" in schema or "enum" in schema.get("items", {}):
        phrases.append(", ".join(schema.get("enum") or schema["items"]["enum"]))
    if "minimum" in schema or "maximum" in schema:
        phrases.append(_range(schema.get("minimum"), schema.get("maximum")))
    if "minLength" in schema or "maxLength" in schema:
        phrases.append(f"{_range(schema.get('minLength'), schema.get('maxLength'))} characters")
    if "minItems" in schema or "maxItems" in schema:
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


def samples(base: str, method: str, path: str, body: Any, *, has_key: bool) -> list[tuple[str, str]]:
    """Return the request in curl, Python and JavaScript."""
    upper = path.replace("{", "$").replace("}", "")
    for name in ("chatbot_id", "faq_id", "key_id"):
        upper = upper.replace(f"${name}", f"${name.upper()}")
    url = f"{base}{upper}"
    sent = json.dumps(body, ensure_ascii=False) if body is not None else ""
    return [
        ("curl", _curl(method, url, sent, has_key=has_key)),
        ("Python", _python(method, url, sent, has_key=has_key)),
        ("JavaScript", _javascript(method, url, sent, has_key=has_key)),
    ]


def _curl(method: str, url: str, body: str, *, has_key: bool) -> str:
    lines = ["curl" if method == "GET" else f"curl -X {method}"]
    lines[0] += f' "{url}"'
    if has_key:
        lines.append('-H "Authorization: Bearer $WIZCHAT_API_KEY"')
    if body:
        lines += ['-H "Content-Type: application/json"', f"-d '{body}'"]
    return " \\\n  ".join(lines)


def _python(method: str, url: str, body: str, *, has_key: bool) -> str:
    address = _with_environment(url, "{os.environ['", "']}")
    headers = '{"Authorization": f"Bearer {os.environ[\'WIZCHAT_API_KEY\']}"}' if has_key else "{}"
    arguments = [f'"{method}"', f'{"f" if "{" in address else ""}"{address}"', f"headers={headers}"]
    if body:
        arguments.append(f"json={body.replace('true', 'True').replace('false', 'False')}")
    inside = "".join(f"    {argument},\n" for argument in arguments)
    request = f"answer = requests.request(\n{inside})\nprint(answer.status_code, answer.text)"
    return f"import os\nimport requests\n\n{request}"


def _javascript(method: str, url: str, body: str, *, has_key: bool) -> str:
    address = _with_environment(url, "${process.env.", "}")
    headers = []
    if has_key:
        headers.append("Authorization: `Bearer ${process.env.WIZCHAT_API_KEY}`")
    if body:
        headers.append('"Content-Type": "application/json"')
    lines = [f'  method: "{method}",', f"  headers: {{ {', '.join(headers)} }},"]
    if body:
        lines.append(f"  body: JSON.stringify({body}),")
    inside = "\n".join(lines)
    request = f"const answer = await fetch(`{address}`, {{\n{inside}\n}});"
    return f"{request}\nconsole.log(answer.status, await answer.text());"


def _with_environment(url: str, before: str, after: str) -> str:
    for name in ("CHATBOT_ID", "FAQ_ID", "KEY_ID"):
        url = url.replace(f"${name}", f"{before}{name}{after}")
    return url
