"""The report page of a run: tables, charts and a browser of traces and responses."""
