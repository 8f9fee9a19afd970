from django.db import migrations

from chatbots.matching import prepare

BATCH_SIZE = 500


def prepare_questions(apps, schema_editor):
    """Prepare all questions, a batch at a time, so that no row is locked for long."""
    entries = apps.get_model("chatbots", "FAQEntry").objects.using(schema_editor.connection.alias)
    while batch := list(entries.filter(prepared="").only("question")[:BATCH_SIZE]):
        for entry in batch:
            entry.prepared = prepare(entry.question)
        entries.bulk_update(batch, ["prepared"])


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("chatbots", "0002_faqentry_prepared"),
    ]

    operations = [migrations.RunPython(prepare_questions, migrations.RunPython.noop, elidable=True)]
