"""Emails that tell owners what happens to their keys."""
