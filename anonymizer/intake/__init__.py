"""Raw files become accepted rows; every other row is accounted for.

Other packages import `assessed_files`, `assessment_tasks`, `batches`, `contract`, `csv_reader`,
`day_intake`, `file_inspection`, `intake_keys`, `intake_limits`, `intake_outcome`, `json_lines`,
`landing_zone`, `normalisation`, `objection_review`, `objections`, `parquet_batches`,
`parquet_reader`, `person_search`, `plausibility`, `quarantine`, `raw_source`, `readers`,
`row_validation` and `vocabulary`.
"""
