"""SaleorAddress: an address as every object of a shop shows it."""

from schemabase_dagster.candidate import AddressFields
from schemabase_dagster.normalise.country import country_code
from schemabase_dagster.normalise.fields import SourceModel, Text


class _Country(SourceModel):
    code: Text = None


class SaleorAddress(SourceModel):
    """Postal address of an order or a customer."""

    firstName: Text = None
    lastName: Text = None
    companyName: Text = None
    streetAddress1: Text = None
    streetAddress2: Text = None
    postalCode: Text = None
    city: Text = None
    countryArea: Text = None
    country: _Country | None = None
    phone: Text = None
    isDefaultShippingAddress: bool | None = None
    isDefaultBillingAddress: bool | None = None

    def fields(self) -> AddressFields:
        """Return the address as the canonical model has it."""
        names = (self.firstName, self.lastName)
        return AddressFields(
            full_name=" ".join(name for name in names if name) or None,
            company_name=self.companyName,
            street=self.streetAddress1,
            line2=self.streetAddress2,
            postal_code=self.postalCode,
            city=self.city,
            region=self.countryArea,
            country_code=country_code(self.country.code if self.country else None),
            phone=self.phone,
        )
