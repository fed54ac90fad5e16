"""ZohoAddress: an address as orders and contacts of Zoho show it."""

from schemabase_dagster.candidate import AddressFields
from schemabase_dagster.normalise.country import country_code
from schemabase_dagster.normalise.fields import SourceModel, Text


class ZohoAddress(SourceModel):
    """Postal address of an order or a contact."""

    attention: Text = None
    address: Text = None
    street2: Text = None
    city: Text = None
    state: Text = None
    zip: Text = None
    country: Text = None
    country_code: Text = None
    phone: Text = None

    def fields(self, name: str | None, language: str) -> AddressFields:
        """Return the address as the canonical model has it.

        Args:
            name: recipient where the address names none.
            language: language of the country's name, whose code is missing at times.
        """
        company, line2 = _split_street2(self.street2)
        return AddressFields(
            full_name=self.attention or name,
            company_name=company,
            street=self.address,
            line2=line2,
            postal_code=self.zip,
            city=self.city,
            region=self.state,
            country_code=country_code(self.country_code, self.country, language),
            phone=self.phone,
        )

    def names_place(self) -> bool:
        """Tell whether it leads anywhere: Zoho shows empty addresses, and such with a country."""
        return any((self.address, self.zip, self.city))


def _split_street2(street2: str | None) -> tuple[str | None, str | None]:
    """Take company and second line apart, which share a field (specification 2.7)."""
    if street2 is None or "\n" not in street2:
        return None, street2
    company, line2 = street2.split("\n", 1)
    return (
        company.replace(",  ", "\n").strip() or None,
        line2.replace(",  ", "\n").strip() or None,
    )
