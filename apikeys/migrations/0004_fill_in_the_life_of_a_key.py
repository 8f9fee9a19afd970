"""Fills in rotations, actors and creators.

Separate from the schema changes: PostgreSQL can't alter a table in the transaction that changed its rows.
"""

from django.conf import settings
from django.db import migrations, models


def predecessors_to_rotations(apps, schema_editor):
    key_model = apps.get_model("apikeys", "APIKey")
    rotation_model = apps.get_model("apikeys", "Rotation")
    successors = key_model.objects.exclude(predecessor=None).select_related("predecessor")
    rotations = (
        rotation_model(
            old=new.predecessor, new=new, started_at=new.created_at, old_expires_at=new.predecessor.expires_at
        )
        for new in successors.iterator()
    )
    rotation_model.objects.bulk_create(rotations, batch_size=1000)
    # The column outlives its field for a release: a reference left in it would block deletions.
    key_model.objects.exclude(predecessor=None).update(predecessor=None)


def rotations_to_predecessors(apps, schema_editor):
    key_model = apps.get_model("apikeys", "APIKey")
    for old, new in apps.get_model("apikeys", "Rotation").objects.values_list("old", "new").iterator():
        key_model.objects.filter(pk=new).update(predecessor=old)


def name_actors(apps, schema_editor):
    """Record each event's actor as new events do: by name, and whether it was the owner."""
    events = apps.get_model("apikeys", "KeyEvent").objects
    users = apps.get_model("auth", "User").objects
    username = users.filter(pk=models.OuterRef("actor")).values("username")[:1]
    events.exclude(actor=None).update(actor_name=models.Subquery(username))
    events.exclude(actor=models.F("key__owner")).update(actor_kind="operator")


def kind_of_creators(apps, schema_editor):
    keys = apps.get_model("apikeys", "APIKey").objects
    keys.exclude(created_by=models.F("owner")).update(created_by_kind="operator")


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("apikeys", "0003_life_of_a_key"),
    ]

    operations = [
        migrations.RunPython(kind_of_creators, migrations.RunPython.noop),
        migrations.RunPython(name_actors, migrations.RunPython.noop),
        migrations.RunPython(predecessors_to_rotations, rotations_to_predecessors),
    ]
