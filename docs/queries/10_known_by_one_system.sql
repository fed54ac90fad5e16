-- Which orders does only one system know, although the other should have them by now?
-- systems names every system that has a record of the order; a day is time enough to hand it over.
SELECT tenant, source_system, systems, order_number, ordered_at, status, currency, total_gross
FROM analytics.fct_order
WHERE cardinality(systems) = 1
  AND status NOT IN ('canceled', 'draft')
  AND ordered_at < now() - interval '1 day'
ORDER BY ordered_at DESC
LIMIT 100;
