"""The samples in the API reference: one request in curl, Python and JavaScript."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

_PARAMETER = re.compile(r"\{(\w+)\}")
_PYTHON_HEADERS = """{"Authorization": f"Bearer {os.environ['WIZCHAT_API_KEY']}"}"""


def samples(base: str, method: str, path: str, body: Any, *, has_key: bool) -> list[tuple[str, str]]:
    """Return the request in curl, Python and JavaScript; ids come from environment variables."""
    arguments = (method, base, _PARAMETER.split(path), body)
    return [
        ("curl", _curl(*arguments, has_key=has_key)),
        ("Python", _python(*arguments, has_key=has_key)),
        ("JavaScript", _javascript(*arguments, has_key=has_key)),
    ]


def first_call(base: str) -> str:
    """Return a request that tests a key."""
    return _curl("GET", base, ["/v1/key"], None, has_key=True)


def all_pages(base: str) -> str:
    """Return a loop over all pages of a list."""
    return f"""\
import os
import requests

headers = {_PYTHON_HEADERS}
url = "{base}/v1/chatbots"
while url:
    page = requests.get(url, headers=headers).json()
    for chatbot in page["results"]:
        print(chatbot["name"])
    url = page["next"]"""


def _address(base: str, parts: list[str], variable: str) -> str:
    """Return a URL with ``variable`` in place of each parameter, which is every second of ``parts``."""
    named = [
        variable.replace("NAME", part.upper()) if number % 2 else part for number, part in enumerate(parts)
    ]
    return base + "".join(named)


def _curl(method: str, base: str, parts: list[str], body: Any, *, has_key: bool) -> str:
    lines = ["curl" if method == "GET" else f"curl -X {method}"]
    lines[0] += f' "{_address(base, parts, "$NAME")}"'
    if has_key:
        lines.append('-H "Authorization: Bearer $WIZCHAT_API_KEY"')
    if body is not None:
        lines += ['-H "Content-Type: application/json"', f"-d {shlex.quote(_json(body))}"]
    return " \\\n  ".join(lines)


def _python(method: str, base: str, parts: list[str], body: Any, *, has_key: bool) -> str:
    address = _address(base, parts, "{os.environ['NAME']}")
    arguments = [f'"{method}"', f'f"{address}"' if len(parts) > 1 else f'"{address}"']
    if has_key:
        arguments.append(f"headers={_PYTHON_HEADERS}")
    if body is not None:
        arguments.append(f"json={body!r}")
    inside = "".join(f"    {argument},\n" for argument in arguments)
    imports = "import os\nimport requests" if has_key else "import requests"
    return f"{imports}\n\nresponse = requests.request(\n{inside})\nprint(response.status_code, response.text)"


def _javascript(method: str, base: str, parts: list[str], body: Any, *, has_key: bool) -> str:
    headers = []
    if has_key:
        headers.append("Authorization: `Bearer ${process.env.WIZCHAT_API_KEY}`")
    if body is not None:
        headers.append('"Content-Type": "application/json"')
    lines = [f'  method: "{method}",', f"  headers: {{ {', '.join(headers)} }},"]
    if body is not None:
        lines.append(f"  body: JSON.stringify({_json(body)}),")
    inside = "\n".join(lines)
    address = _address(base, parts, "${process.env.NAME}")
    request = f"const response = await fetch(`{address}`, {{\n{inside}\n}});"
    return f"{request}\nconsole.log(response.status, await response.text());"


def _json(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False)
