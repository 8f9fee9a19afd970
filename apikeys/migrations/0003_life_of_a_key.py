"""Tables and columns for rotations, complete events and when each permission was needed.

New columns are nullable or have a constant default, so that a large table is not rewritten.
"""

from django.conf import settings
from django.db import migrations, models

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


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("apikeys", "0002_key_usage"),
    ]

    operations = [
        # The columns keep their names, so that processes of the previous release keep working.
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
    ]
