-- id: recognition-accuracy
-- name zh-Hant: 互認建議的準確度
-- name zh-Hans: 互认建议的准确度
-- name en: accuracy of recognition advice
-- unit: ppm
-- direction: higher
-- numerator: correct offers less three times the wrong ones
-- denominator: orders of the cohort that have a valid earlier result
-- minimum: 30
-- guard: must_repeat_offers / must_repeat
-- class: cohort
-- uses: trial-reveal.figures, trial-reveal.trace_root, cohort-commit.cases
--
-- Reads graded(number, patient, eligible, offered, valid, invalid), one row for each order of the cohort, all integers
-- eligible = 1 where the answer key holds a valid earlier result, else the examination has to be done
-- offered = 1 where the version offered a result, valid = 1 where that result is in the answer key
-- invalid = 1 where it gave no advice at all, by a trap, a time-out or nonsense, which counts as a wrong offer
-- spread_high and spread_low are S = sum over patients of (x N - X n)^2, split at 2^62
WITH outcome AS (
    SELECT
        patient,
        eligible,
        1 - eligible AS repeats,
        invalid,
        CASE WHEN invalid = 0 AND offered = 1 AND valid = 1 AND eligible = 1 THEN 1 ELSE 0 END AS correct,
        CASE WHEN invalid = 1 OR (offered = 1 AND NOT (valid = 1 AND eligible = 1)) THEN 1 ELSE 0 END AS wrong
    FROM graded
),
total AS (
    SELECT
        count(*) AS orders,
        coalesce(sum(eligible), 0) AS eligible,
        coalesce(sum(correct), 0) AS correct,
        coalesce(sum(wrong), 0) AS wrong,
        coalesce(sum(CASE WHEN eligible = 1 AND correct + wrong = 0 THEN 1 ELSE 0 END), 0) AS missed,
        coalesce(sum(repeats), 0) AS must_repeat,
        coalesce(sum(repeats * wrong), 0) AS must_repeat_offers,
        coalesce(sum(invalid), 0) AS invalid,
        count(DISTINCT patient) AS patients,
        coalesce(sum(correct - 3 * wrong), 0) AS numerator,
        coalesce(sum(eligible), 0) AS denominator
    FROM outcome
),
cluster AS (
    SELECT patient, sum(correct - 3 * wrong) AS x, sum(eligible) AS n
    FROM outcome
    GROUP BY patient
),
spread AS (
    SELECT coalesce(sum((x * denominator - numerator * n) * (x * denominator - numerator * n)), 0) AS s
    FROM cluster, total
)
SELECT
    orders,
    eligible,
    correct,
    wrong,
    missed,
    must_repeat,
    must_repeat_offers,
    invalid,
    patients,
    numerator,
    denominator,
    s // 4611686018427387904 AS spread_high,
    s % 4611686018427387904 AS spread_low
FROM total, spread
