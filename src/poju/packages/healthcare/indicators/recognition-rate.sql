-- id: recognition-rate
-- name zh-Hant: 檢查檢驗結果互認率
-- name zh-Hans: 检查检验结果互认率
-- name en: rate of recognised tests
-- unit: ppm
-- direction: higher
-- numerator: orders whose offered result was recognised and whose examination was not billed again
-- denominator: registered orders with a live offer, and billed services without a registered order
-- minimum: 30
-- guard: unregistered / denominator
-- class: log
-- uses: test-order.handle, test-order.item, advice.offer, advice.stage, recognition.outcome, charge.billed
--
-- A handle is one patient at one custodian, so a patient of two hospitals counts twice
-- Only an offer that entered before the staff decided counts as an offer
-- Recognised, then billed on the same order, or ordered and billed again within 30 days, is a failure
-- A billed service without a registered order is a failure too, so that leaving orders out cannot raise the rate
WITH billed AS (
    SELECT subject, min(time) AS billed_at
    FROM charge
    WHERE billed = 1
    GROUP BY subject
),
offered AS (
    SELECT o.subject, o.time, o.handle, o.item, r.subject AS decided, r.outcome
    FROM test_order AS o
    LEFT JOIN recognition AS r ON r.subject = o.subject
    WHERE EXISTS (
        SELECT 1 FROM advice AS a
        WHERE a.subject = o.subject
          AND a.offer IS NOT NULL
          AND a.stage = 'live'
          AND (r.subject IS NULL OR a.index < r.index)
    )
),
judged AS (
    SELECT
        f.handle,
        CASE
            WHEN f.outcome IS NULL OR f.outcome <> 'recognised' THEN 0
            WHEN EXISTS (SELECT 1 FROM billed AS b WHERE b.subject = f.subject) THEN 0
            WHEN EXISTS (
                SELECT 1 FROM test_order AS again, billed AS b
                WHERE b.subject = again.subject
                  AND again.subject <> f.subject
                  AND again.handle = f.handle
                  AND again.item = f.item
                  AND again.time BETWEEN f.time AND f.time + 2592000
            ) THEN 0
            ELSE 1
        END AS kept
    FROM offered AS f
),
unregistered AS (
    SELECT count(*) AS services
    FROM billed AS b
    WHERE NOT EXISTS (SELECT 1 FROM test_order AS o WHERE o.subject = b.subject)
)
SELECT
    coalesce(sum(j.kept), 0) AS numerator,
    count(j.handle) + max(u.services) AS denominator,
    count(DISTINCT j.handle) AS patients,
    max(u.services) AS unregistered
FROM unregistered AS u
LEFT JOIN judged AS j ON 1 = 1
