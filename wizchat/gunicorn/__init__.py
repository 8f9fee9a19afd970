"""Gunicorn customisations: the only place that knows gunicorn's internals (docs/decisions/0020).

Gunicorn's master loads these modules before Django is loaded: nothing here may need a model or a setting.
"""
