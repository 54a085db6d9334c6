"""Reading and writing files: atomic writes, records as Arrow tables, files of users."""
