"""Checks of companies: do contacts have the one they name, and are two of them one or one two."""

from typing import Final

from assets.checking import Check, none_found

ASSET: Final = ("core", "companies")

_WITHOUT: Final = """
SELECT c.id::text AS contact_id, count(*) OVER () AS found
FROM core.contacts AS c
WHERE c.tenant_id = %(tenant_id)s
  AND c.deleted_at IS NULL
  AND c.company_key IS NOT NULL
  AND c.company_id IS NULL
ORDER BY c.id
LIMIT 10
"""

_TAX_NUMBERS: Final = """
SELECT r.core_id::text AS company_id, count(DISTINCT r.attrs ->> 'vat_id') AS tax_numbers,
       string_agg(DISTINCT r.external_id, ', ') AS contacts, count(*) OVER () AS found
FROM core.external_ref AS r
WHERE r.entity = 'company'
  AND r.tenant_id = %(tenant_id)s
  AND r.deleted_at IS NULL
GROUP BY r.core_id
HAVING count(DISTINCT r.attrs ->> 'vat_id') > 1
ORDER BY r.core_id
LIMIT 10
"""

# One of the two spellings of an umlaut may be another name: that is for a person to say.
_ALIKE: Final = """
SELECT string_agg(co.id::text, ', ' ORDER BY co.id) AS company_ids, count(*) OVER () AS found
FROM core.companies AS co
WHERE co.tenant_id = %(tenant_id)s
  AND co.deleted_at IS NULL
GROUP BY replace(replace(replace(co.normalized_name, 'ä', 'ae'), 'ö', 'oe'), 'ü', 'ue')
HAVING count(*) > 1
ORDER BY 1
LIMIT 10
"""


CHECKS: Final = (
    Check(
        "company_of_contacts",
        ASSET,
        "Every contact whose source names a company has one. One that has not lost it when the "
        "company's row was removed by hand: 'schemabase replay' brings it back.",
        none_found(_WITHOUT, "contact without its company", "contacts without their company"),
    ),
    Check(
        "tax_numbers",
        ASSET,
        "A company has one VAT or GST number. Two mean that two companies of one name share a "
        "row, or that a number was mistyped in the books: correct it at the contacts listed.",
        none_found(_TAX_NUMBERS, "company of two tax numbers", "companies of two tax numbers"),
    ),
    Check(
        "alike_companies",
        ASSET,
        "No two companies differ by the spelling of an umlaut alone. They are not brought "
        "together by guess: give them one name, or one VAT number, at the source.",
        none_found(_ALIKE, "company that may be there twice", "companies that may be there twice"),
    ),
)
