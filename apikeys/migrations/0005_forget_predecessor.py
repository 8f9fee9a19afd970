"""Takes the field that rotations replace out of the model, and names outcomes as pages do. No table changes."""

from django.db import migrations, models

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
    dependencies = [("apikeys", "0004_fill_in_the_life_of_a_key")]

    operations = [
        # The next release drops the column, which processes of the release before still read.
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField("apikey", "predecessor")]
        ),
        migrations.AlterField("keyusage", "outcome", models.CharField(max_length=12, choices=OUTCOMES)),
    ]
