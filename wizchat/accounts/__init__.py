"""django-allauth's account, MFA and sessions apps, with our rules and texts."""
