"""Sources: files that are described in sources.yaml become rows of the raw contract.

Other packages import `file_layout`, `mapping_proposal`, `source_catalogue`, `source_check`,
`source_settings` and `source_zone`.
"""
