"""Reports of leaked keys: by page, endpoint or GitHub."""
