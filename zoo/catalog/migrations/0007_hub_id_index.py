from django.db import migrations, models
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0006_unedited"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="model",
            index=models.Index(Upper("hub_id"), name="model_by_hub_id"),
        ),
    ]
