"""Gunicorn customisations: the only place that knows gunicorn's internals (docs/decisions/0020).

Gunicorn's master process loads these modules before Django, so they may not need models or settings.
"""
