"""Files, locks, keys, processes and the database engine of a home directory.

Other packages import `engine`, `engines.duckdb`, `engines.spark`, `files`, `home`, `lock`,
`object_store`, `object_tree`, `parquet_pages`, `parquet_tables`, `permissions`, `processes`,
`raw_zone`, `secret`, `secret_texts`, `signature` and `text_columns`.
"""
