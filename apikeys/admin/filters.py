"""The only filters of the list of keys: any other could be used to guess stored values."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import F, Q
from django.http import HttpRequest
from django.utils import timezone

from apikeys.models import IDLE_AFTER, PERMISSION_NAMES, KeyState, Permission


class StateFilter(admin.SimpleListFilter):
    title = "status"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state.value, state.label) for state in KeyState]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        state = self.value()
        if state not in set(KeyState):
            return queryset
        return queryset.in_state(KeyState(state), timezone.now())


class PermissionFilter(admin.SimpleListFilter):
    title = "permission"
    parameter_name = "permission"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(permission.names[0], permission.label) for permission in Permission]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        name = self.value()
        if name not in PERMISSION_NAMES:
            return queryset
        bit = F("permissions").bitand(Permission.of([str(name)]).value)
        return queryset.alias(granted_bit=bit).filter(granted_bit__gt=0)


class UseFilter(admin.SimpleListFilter):
    title = "use"
    parameter_name = "use"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("never", "Never used"), ("idle", f"Unused for {IDLE_AFTER.days} days")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        since = timezone.now() - IDLE_AFTER
        match self.value():
            case "never":
                return queryset.filter(last_used_at=None)
            case "idle":
                # An unused key counts from its creation, so that new keys are left out.
                never = Q(last_used_at=None, created_at__lt=since)
                return queryset.filter(never | Q(last_used_at__lt=since))
            case _:
                return queryset


LISTED = {StateFilter.parameter_name, PermissionFilter.parameter_name, UseFilter.parameter_name}
