"""Emails that wait to be sent, and which ones an owner wants."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("apikeys", "0005_forget_predecessor"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="NoticeChoices",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="notice_choices",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("created", models.BooleanField(default=True, verbose_name="A key is created")),
                ("rotated", models.BooleanField(default=True, verbose_name="A key is rotated")),
                ("expiring", models.BooleanField(default=True, verbose_name="A key expires soon")),
                (
                    "ended_in_use",
                    models.BooleanField(
                        default=True, verbose_name="A revoked or expired key is still in use"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "notice choices",
            },
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("created", "Created"),
                            ("rotated", "Rotated"),
                            ("revoked", "Revoked"),
                            ("widened", "Widened"),
                            ("expiring", "Expiring"),
                            ("reported", "Reported"),
                            ("wrong_address", "Wrong Address"),
                            ("ended_in_use", "Ended In Use"),
                        ],
                        max_length=20,
                    ),
                ),
                ("unique_for", models.CharField(max_length=100, unique=True)),
                ("facts", models.JSONField(default=dict)),
                ("queued_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("claimed_until", models.DateTimeField(null=True)),
                ("sent_at", models.DateTimeField(null=True)),
                ("dropped_at", models.DateTimeField(null=True)),
                (
                    "event",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="apikeys.keyevent",
                    ),
                ),
                (
                    "key",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notices",
                        to="apikeys.apikey",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("dropped_at", None), ("sent_at", None)),
                        fields=["due_at"],
                        name="notice_waiting",
                    )
                ],
            },
        ),
    ]
