"""Keys in the admin: operators can view, change and revoke them, but not create or restore them."""

from apikeys.admin import events, keys, users

__all__ = ["events", "keys", "users"]
