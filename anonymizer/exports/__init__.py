"""Files for advertisers and the analysts' database, made of releases alone.

Other packages import `certificate`, `circulation`, `database`, `database_growth`, `export_check`,
`export_files`, `export_folders`, `export_limits`, `file_check`, `file_names`, `language`, `notice`,
`package`, `parquet_file`, `pointer`, `previous_release`, `recorded_files`, `retirement`,
`segment_states`, `statements`, `verification` and `withdrawal`.
"""
