"""Keys in the admin: operators can view, narrow and revoke them, but not create, read or restore them."""

from apikeys.admin import events, keys, users

__all__ = ["events", "keys", "users"]
