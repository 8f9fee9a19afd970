"""Removes the field that rotations replace, and the choices of outcomes. Changes no table."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("apikeys", "0004_fill_in_the_life_of_a_key")]

    operations = [
        # The next release drops the column, which processes of the previous release still read.
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField("apikey", "predecessor")]
        ),
        migrations.AlterField("keyusage", "outcome", models.CharField(max_length=12)),
    ]
