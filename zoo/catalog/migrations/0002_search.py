"""The search tables: the index rows, and what each database needs to search them by words."""

from django.db import migrations

SQLITE = """
CREATE VIRTUAL TABLE catalog_fts USING fts5(
    words, facets, content='catalog_searchdocument', content_rowid='model_id',
    tokenize="unicode61 remove_diacritics 0 tokenchars '_.'", prefix='2 3 4', detail='none'
);
CREATE TRIGGER catalog_fts_insert AFTER INSERT ON catalog_searchdocument BEGIN
    INSERT INTO catalog_fts(rowid, words, facets) VALUES (new.model_id, new.words, new.facets);
END;
CREATE TRIGGER catalog_fts_delete AFTER DELETE ON catalog_searchdocument BEGIN
    INSERT INTO catalog_fts(catalog_fts, rowid, words, facets)
    VALUES ('delete', old.model_id, old.words, old.facets);
END;
CREATE TRIGGER catalog_fts_update AFTER UPDATE OF words, facets ON catalog_searchdocument
WHEN old.words <> new.words OR old.facets <> new.facets BEGIN
    INSERT INTO catalog_fts(catalog_fts, rowid, words, facets)
    VALUES ('delete', old.model_id, old.words, old.facets);
    INSERT INTO catalog_fts(rowid, words, facets) VALUES (new.model_id, new.words, new.facets);
END;
CREATE VIRTUAL TABLE catalog_term_fts USING fts5(padded, content='', tokenize='trigram');
CREATE TRIGGER catalog_term_insert AFTER INSERT ON catalog_term BEGIN
    INSERT INTO catalog_term_fts(rowid, padded) VALUES (new.id, ' ' || new.term || ' ');
END;
CREATE TRIGGER catalog_term_delete AFTER DELETE ON catalog_term BEGIN
    INSERT INTO catalog_term_fts(catalog_term_fts, rowid, padded)
    VALUES ('delete', old.id, ' ' || old.term || ' ');
END;
"""

SQLITE_BACK = """
DROP TRIGGER catalog_fts_insert;
DROP TRIGGER catalog_fts_delete;
DROP TRIGGER catalog_fts_update;
DROP TRIGGER catalog_term_insert;
DROP TRIGGER catalog_term_delete;
DROP TABLE catalog_fts;
DROP TABLE catalog_term_fts;
"""

# Lexemes are the words and tokens themselves: nothing is stemmed, and both databases match alike.
POSTGRES = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
ALTER TABLE catalog_searchdocument ADD COLUMN document tsvector GENERATED ALWAYS AS (
    array_to_tsvector(array_remove(string_to_array(words || facets, ' '), ''))
) STORED;
CREATE INDEX catalog_search_document ON catalog_searchdocument USING gin (document);
CREATE INDEX catalog_term_alike ON catalog_term USING gin (term gin_trgm_ops);
"""

POSTGRES_BACK = """
DROP INDEX catalog_term_alike;
ALTER TABLE catalog_searchdocument DROP COLUMN document;
"""

FORWARD = {"sqlite": SQLITE, "postgresql": POSTGRES}
BACK = {"sqlite": SQLITE_BACK, "postgresql": POSTGRES_BACK}


def run(scripts):
    def apply(apps, schema_editor):
        connection = schema_editor.connection
        script = scripts[connection.vendor]
        if connection.vendor == "sqlite":
            # A trigger holds semicolons of its own, so the script is split where a statement really ends.
            statements = [part for part in _split(script) if part.strip()]
        else:
            statements = [part for part in script.split(";") if part.strip()]
        for statement in statements:
            schema_editor.execute(statement, params=None)

    return apply


def _split(script):
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        inside = "BEGIN" in statement and not statement.rstrip().endswith("END;")
        if line.rstrip().endswith(";") and not inside:
            yield statement
            statement = ""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial")]

    operations = [migrations.RunPython(run(FORWARD), run(BACK))]
