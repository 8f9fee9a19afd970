"""Rotations as rows of their own, events with actor and values, and when each permission was needed.

New columns are nullable or have a constant default, so that a large table is not rewritten.
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
    # The column stays for a while without its field: no row may hold back the deletion of another.
    key_model.objects.exclude(predecessor=None).update(predecessor=None)


def rotations_to_predecessors(apps, schema_editor):
    key_model = apps.get_model("apikeys", "APIKey")
    for old, new in apps.get_model("apikeys", "Rotation").objects.values_list("old", "new").iterator():
        key_model.objects.filter(pk=new).update(predecessor=old)


def name_actors(apps, schema_editor):
    """Tell an event's actor as new events do: by name, and whether it was the owner."""
    events = apps.get_model("apikeys", "KeyEvent").objects
    users = apps.get_model("auth", "User").objects
    username = users.filter(pk=models.OuterRef("actor")).values("username")[:1]
    events.exclude(actor=None).update(actor_name=models.Subquery(username))
    events.exclude(actor=models.F("key__owner")).update(actor_kind="operator")
    events.filter(actor=None).update(actor_kind="operator")


def kind_of_creators(apps, schema_editor):
    keys = apps.get_model("apikeys", "APIKey").objects
    keys.exclude(created_by=models.F("owner")).update(created_by_kind="operator")
    keys.filter(created_by=None).update(created_by_kind="operator")


ACTORS = [
    ("user", "The owner"),
    ("operator", "An operator"),
    ("key", "An API key"),
    ("nobody", "Somebody who isn't signed in"),
]
ACTIONS = [
    ("created", "Created"),
    ("changed", "Changed"),
    ("rotated", "Rotated"),
    ("rotation_finished", "Rotation finished"),
    ("rotation_cancelled", "Rotation cancelled"),
    ("reported", "Reported as leaked"),
    ("revoked", "Revoked"),
]
OUTCOMES = [
    ("answered", "Answered"),
    ("client_error", "Client error"),
    ("server_error", "Server error"),
    ("rate_limited", "Rate limited"),
    ("revoked", "Revoked"),
    ("expired", "Expired"),
    ("address", "Address not allowed"),
    ("permission", "Missing permission"),
]


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("apikeys", "0002_key_usage"),
    ]

    operations = [
        # The columns keep their names, so that processes of the release before work on.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameField("apikey", "encoding", "key_hash"),
                migrations.AlterField(
                    "apikey",
                    "key_hash",
                    models.CharField(max_length=255, editable=False, db_column="encoding"),
                ),
                migrations.RenameField("apikey", "last_used_address", "last_used_ip"),
                migrations.AlterField(
                    "apikey",
                    "last_used_ip",
                    models.CharField(
                        max_length=45, editable=False, default="", db_column="last_used_address"
                    ),
                ),
            ]
        ),
        migrations.AddField(
            "apikey",
            "rate_limit",
            models.CharField(
                "own rate limit",
                max_length=30,
                blank=True,
                default="",
                db_default="",
                help_text="Such as 5/minute; empty for the limit of every key.",
            ),
        ),
        migrations.AddField(
            "apikey",
            "created_by_key",
            models.ForeignKey(
                "apikeys.apikey",
                models.SET_NULL,
                null=True,
                editable=False,
                related_name="made",
            ),
        ),
        migrations.AddField(
            "apikey",
            "created_by_kind",
            models.CharField(
                max_length=10, choices=ACTORS, default="user", db_default="user", editable=False
            ),
        ),
        *(
            migrations.AddField(
                "apikey", f"{permission}_needed_at", models.DateTimeField(null=True, editable=False)
            )
            for permission in ("read", "write", "admin")
        ),
        migrations.RunPython(kind_of_creators, migrations.RunPython.noop),
        migrations.AddField(
            "keyevent",
            "actor_kind",
            models.CharField(max_length=10, choices=ACTORS, default="user", db_default="user"),
        ),
        migrations.AddField(
            "keyevent", "actor_name", models.CharField(max_length=150, blank=True, default="", db_default="")
        ),
        migrations.AddField(
            "keyevent", "actor_key_id", models.CharField(max_length=12, blank=True, default="", db_default="")
        ),
        migrations.AddField(
            "keyevent",
            "ip",
            models.CharField("IP address", max_length=45, blank=True, default="", db_default=""),
        ),
        migrations.AddField("keyevent", "changes", models.JSONField(default=dict, db_default={}, blank=True)),
        migrations.AlterField("keyevent", "detail", models.CharField(max_length=500, blank=True, default="")),
        migrations.AlterField("keyevent", "action", models.CharField(max_length=20, choices=ACTIONS)),
        migrations.RunPython(name_actors, migrations.RunPython.noop),
        migrations.CreateModel(
            "Rotation",
            [
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "old",
                    models.OneToOneField("apikeys.apikey", models.CASCADE, related_name="rotation"),
                ),
                (
                    "new",
                    models.OneToOneField("apikeys.apikey", models.CASCADE, related_name="origin_rotation"),
                ),
                ("started_at", models.DateTimeField()),
                ("old_expires_at", models.DateTimeField(null=True)),
                ("grace", models.DurationField(null=True)),
                ("first_used_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["new"],
                        name="rotation_awaits_first_use",
                        condition=models.Q(grace__isnull=False, first_used_at=None),
                    )
                ]
            },
        ),
        migrations.RunPython(predecessors_to_rotations, rotations_to_predecessors),
        # The next release drops the column, which processes of the release before still read.
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField("apikey", "predecessor")]
        ),
        migrations.AlterField("keyusage", "outcome", models.CharField(max_length=12, choices=OUTCOMES)),
    ]
