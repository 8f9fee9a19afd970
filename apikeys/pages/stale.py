"""Forms that apply only edited fields, so that an outdated page undoes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.utils.datastructures import MultiValueDict
from django.utils.text import get_text_list

if TYPE_CHECKING:
    Base = forms.Form
else:
    Base = object


class StaleFormMixin(Base):
    """Compares what was sent with what the form showed, and that with the object as it is now.

    ``tracked`` names the fields; ``initial`` is the object as it is now, even when the form is bound.
    Each tracked field carries what it showed in a hidden input beside it (``initial-<name>``). A field
    that was changed here and elsewhere, to two different values, is an error, and its hidden input has
    the current value from then on.
    """

    tracked: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.tracked:
            if name in self.fields:
                self.fields[name].show_hidden_initial = True
                if self.is_bound and self[name].html_initial_name not in self.data:
                    self._show_current(name)

    def clean(self) -> Any:
        cleaned = super().clean()
        for name in self.tracked:
            if name in self.fields and name not in self.errors and self._conflicts(name):
                label = self[name].label
                self.add_error(name, f"“{label}” has changed on another page. Check it and save again.")
                self._show_current(name)
        return cleaned

    @property
    def changes(self) -> dict[str, Any]:
        """Return the cleaned values of the tracked fields that were changed in this form."""
        return {
            name: self.cleaned_data[name]
            for name in self.tracked
            if name in self.cleaned_data and self.is_changed(name)
        }

    @property
    def overtaken(self) -> str:
        """Return a sentence on fields that changed elsewhere and weren't changed here, or ""."""
        names = [name for name in self.tracked if self._changed_elsewhere(name) and not self.is_changed(name)]
        labels = get_text_list([str(self[name].label) for name in names], "and")
        return f"Kept changes made on another page: {labels}." if names else ""

    def is_changed(self, name: str) -> bool:
        """Return whether the value sent differs from the one that the form showed."""
        widget = self.fields[name].widget
        if widget.value_omitted_from_data(self.data, self.files, self.add_prefix(name)):
            return False
        return self.fields[name].has_changed(self.shown(name), self[name].data)

    def shown(self, name: str) -> Any:
        """Return what the form showed in a field."""
        field, hidden = self.fields[name], self[name].html_initial_name
        value = field.hidden_widget().value_from_datadict(self.data, self.files, hidden)
        try:
            return field.to_python(value)
        except forms.ValidationError:
            return self[name].initial

    def _changed_elsewhere(self, name: str) -> bool:
        if name not in self.fields:
            return False
        field = self.fields[name]
        return field.has_changed(self[name].initial, field.prepare_value(self.shown(name)))

    def _conflicts(self, name: str) -> bool:
        agreed = not self.fields[name].has_changed(self[name].initial, self[name].data)
        return self.is_changed(name) and self._changed_elsewhere(name) and not agreed

    def _show_current(self, name: str) -> None:
        """Put the current value into the hidden input."""
        data: MultiValueDict[str, Any] = MultiValueDict()
        data.update(self.data)
        current = self[name].initial
        data.setlist(self[name].html_initial_name, current if isinstance(current, list) else [current])
        self.data = data
