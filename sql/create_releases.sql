-- The releases, in the order of the ledger.
-- Input: incoming_releases. Columns: see the comments.
CREATE TABLE releases AS
SELECT release_id, number, subject_kind, period_kind, period, period_start, period_end, provider,
       timezone, threshold, protection_level, rounding, error, policy_digest, catalogue_digest,
       corrects, corrected_by
FROM incoming_releases
ORDER BY number;
COMMENT ON TABLE releases IS 'One row a release: the tables published together, final once released. A period has more than one if it was corrected.';
COMMENT ON COLUMN releases.release_id IS 'What was released, for example campaign-day-2026-11-22.';
COMMENT ON COLUMN releases.number IS 'Sequence in the ledger; a later release has a higher number.';
COMMENT ON COLUMN releases.subject_kind IS 'What the tables are about: campaign, interest or audience.';
COMMENT ON COLUMN releases.period_kind IS 'day, week or month.';
COMMENT ON COLUMN releases.period IS 'The period in words: 2026-11-22, 2026-W47 or 2026-11.';
COMMENT ON COLUMN releases.period_start IS 'First day.';
COMMENT ON COLUMN releases.period_end IS 'Last day.';
COMMENT ON COLUMN releases.provider IS 'Who publishes.';
COMMENT ON COLUMN releases.timezone IS 'Time zone of the calendar days.';
COMMENT ON COLUMN releases.threshold IS 'Every figure counts at least this many people (k).';
COMMENT ON COLUMN releases.protection_level IS 'No one can prove that a group has fewer people (inference_k); 0 only forbids solving a figure exactly.';
COMMENT ON COLUMN releases.rounding IS 'Figures are multiples of this.';
COMMENT ON COLUMN releases.error IS 'The true number of people differs from a figure by at most this; 0 is exact.';
COMMENT ON COLUMN releases.policy_digest IS 'SHA-256 of the policy in force.';
COMMENT ON COLUMN releases.catalogue_digest IS 'SHA-256 of the segment catalogue in force.';
COMMENT ON COLUMN releases.corrects IS 'The release of the same period that it corrects; null for a first release.';
COMMENT ON COLUMN releases.corrected_by IS 'The release that corrects it; its own figures are in corrected_figures. Null for the release in force.';
