from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("chatbots", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="faqentry",
            name="prepared",
            field=models.TextField(db_default="", editable=False),
        ),
    ]
