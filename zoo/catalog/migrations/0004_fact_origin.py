"""Facts say where they came from. What nobody signed so far came from the reviewed data."""

from django.db import migrations, models


def sign(apps, schema_editor):
    facts = apps.get_model("catalog", "Fact").objects.using(schema_editor.connection.alias)
    facts.filter(recorded_by=None).update(origin="curated")


class Migration(migrations.Migration):
    dependencies = [("catalog", "0003_score_order")]

    operations = [
        migrations.AddField(
            model_name="fact",
            name="origin",
            field=models.CharField(
                choices=[
                    ("curated", "the reviewed data"),
                    ("files", "the files of a revision"),
                    ("person", "a person"),
                ],
                default="person",
                max_length=8,
            ),
        ),
        migrations.RunPython(sign, migrations.RunPython.noop),
    ]
