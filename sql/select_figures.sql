-- Figures with the names of their segments and advertisers, in the order of the ledger.
-- Inputs: figures, segments, advertisers of the analysts' database.
-- Columns: those of figures, with advertiser and segment. Parameters, each null for no limit:
-- $subject_kind, $period_kind, $status, $campaigns, $advertisers and $segments (lists of ids), $start,
-- $end (periods that lie between them as a whole).
SELECT figure.subject_kind, figure.subject_id, figure.subject, figure.advertiser_id,
       owner.advertiser, figure.period_kind, figure.period, figure.period_start, figure.period_end,
       figure.segment_id, described.segment, figure.status, figure.people, figure.people_least,
       figure.people_most, figure.rounding, figure.release_id
FROM figures AS figure
JOIN segments AS described ON described.segment_id = figure.segment_id
JOIN releases AS released ON released.release_id = figure.release_id
LEFT JOIN advertisers AS owner ON owner.advertiser_id = figure.advertiser_id
WHERE ($subject_kind IS NULL OR figure.subject_kind = $subject_kind)
  AND ($period_kind IS NULL OR figure.period_kind = $period_kind)
  AND ($status IS NULL OR figure.status = $status)
  AND ($campaigns IS NULL OR (
      figure.subject_kind = 'campaign'
      AND list_contains(CAST($campaigns AS VARCHAR[]), figure.subject_id)))
  AND ($advertisers IS NULL
       OR list_contains(CAST($advertisers AS VARCHAR[]), figure.advertiser_id))
  AND ($segments IS NULL OR list_contains(CAST($segments AS VARCHAR[]), figure.segment_id))
  AND ($start IS NULL OR figure.period_start >= CAST($start AS DATE))
  AND ($end IS NULL OR figure.period_end <= CAST($end AS DATE))
ORDER BY released.number, figure.subject_id, described.named DESC, figure.segment_id
