"""Which worker sends an email, and what the mail server said when it refused the recipient."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("apikeys", "0006_notices")]

    operations = [
        migrations.AddField(
            "notice", "claimed_by", models.CharField(blank=True, db_default="", default="", max_length=32)
        ),
        migrations.AddField(
            "notice", "refusal", models.CharField(blank=True, db_default="", default="", max_length=200)
        ),
    ]
