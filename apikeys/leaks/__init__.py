"""Leaked keys that somebody reports: by page, endpoint or GitHub."""
