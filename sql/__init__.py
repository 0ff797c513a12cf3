"""The statements of intake, counting and the analysts' database, one a file: `verb_object.sql`."""
