"""Operators' view of keys: to look at, to narrow and to revoke; never to create, to read or to bring back."""

from apikeys.admin import events, keys, users

__all__ = ["events", "keys", "users"]
