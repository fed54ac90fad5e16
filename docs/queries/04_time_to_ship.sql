-- How long do orders take to leave the house, and how long are they under way, by carrier?
-- The median tells of the usual parcel, the 90th percentile of those people complain about.
SELECT
    tenant,
    carrier,
    count(*) AS packages,
    round(percentile_cont(0.5) WITHIN GROUP (ORDER BY hours_to_ship)::numeric, 1)
        AS median_hours_to_ship,
    round(percentile_cont(0.9) WITHIN GROUP (ORDER BY hours_to_ship)::numeric, 1)
        AS p90_hours_to_ship,
    round(percentile_cont(0.5) WITHIN GROUP (ORDER BY hours_in_transit)::numeric, 1)
        AS median_hours_in_transit,
    round(percentile_cont(0.9) WITHIN GROUP (ORDER BY hours_in_transit)::numeric, 1)
        AS p90_hours_in_transit
FROM analytics.fct_package
WHERE shipped_at IS NOT NULL
GROUP BY tenant, carrier
ORDER BY tenant, packages DESC, carrier;
