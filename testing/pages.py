"""The browsers of users, and a parser that reads forms as a browser would submit them."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from django.test import Client


class Page(HTMLParser):
    """A page's fields as a browser would submit them, and its labels, links and buttons."""

    def __init__(self, response):
        super().__init__()
        self.fields = {}
        self.labels = {}
        self.links = {}
        self.buttons = []
        self._select = self._textarea = self._label = self._link = self._button = None
        self.feed(response.content.decode())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        name, value = attrs.get("name"), attrs.get("value") or ""
        match tag:
            case "input" if attrs.get("type") in {"checkbox", "radio"}:
                if "checked" in attrs:
                    self.fields.setdefault(name, []).append(value)
            case "input" if attrs.get("type") == "hidden" and name in self.fields:
                earlier = self.fields[name]
                self.fields[name] = [*(earlier if isinstance(earlier, list) else [earlier]), value]
            case "input":
                self.fields[name] = value
            case "select":
                self._select = name
            case "option" if "selected" in attrs:
                self.fields[self._select] = value
            case "textarea":
                self._textarea, self.fields[name] = name, ""
            case "label":
                self._label = [attrs.get("for"), ""]
            case "a":
                self._link = [attrs.get("href"), ""]
            case "button":
                self._button = ""

    def handle_endtag(self, tag):
        if tag == "textarea":
            self.fields[self._textarea] = self.fields[self._textarea].removeprefix("\n")
            self._textarea = None
        elif tag == "label":
            self.labels[self._label[1].strip()] = self._label[0]
            self._label = None
        elif tag == "a":
            self.links[" ".join(self._link[1].split())] = self._link[0]
            self._link = None
        elif tag == "button":
            self.buttons.append(self._button.strip())
            self._button = None

    def handle_data(self, data):
        if self._textarea:
            self.fields[self._textarea] += data
        if self._label:
            self._label[1] += data
        if self._link:
            self._link[1] += data
        if self._button is not None:
            self._button += data


@pytest.fixture
def web(owner):
    """The owner's browser."""
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def stranger_web(stranger):
    client = Client()
    client.force_login(stranger)
    return client


@pytest.fixture
def read():
    """Return a function that parses a page."""
    return Page


@pytest.fixture
def send(web, read):
    """Submit the form of a page as the owner; ``None`` removes a field."""

    def send(path, client=web, **values):
        filled = read(client.get(path)).fields | values
        return client.post(path, {name: value for name, value in filled.items() if value is not None})

    return send
