-- overlap('camp01', 'camp02'): always an error that says why the answer is not known.
-- Columns: people. No row is ever returned.
CREATE MACRO overlap(first_campaign, second_campaign) AS TABLE
SELECT CAST(NULL AS BIGINT) AS people
WHERE error(concat('how many people ''', first_campaign, ''' and ''', second_campaign, ''' share cannot be known: no table counts the people of two campaigns together, and two figures alone allow anything from nobody to everybody of the smaller one'));
COMMENT ON MACRO TABLE overlap IS 'Not known: an error that says why the people that two campaigns share are in no figure.';
