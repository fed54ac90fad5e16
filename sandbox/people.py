"""Customers and items: the people who buy and the things they buy, from a seed."""

from dataclasses import dataclass
from random import Random

from sandbox.merchants import Merchant

_FIRST = (
    "Mira", "Jürgen", "Zoë", "Łukasz", "Ольга", "小明", "Þórunn", "Anna", "Peter", "Søren",
    "علي", "Jean-Luc", "O'Neil", "Ana María", "Kim", "Björn", "Élodie", "Nguyễn", "Γιώργος", "Tom",
)  # fmt: skip
_LAST = (
    "Holt", "Müller", "Großmann", "Żółć", "Смирнова", "王", "Jónsdóttir", "van den Berg", "Weiß",
    "Ångström", "حسن", "D'Angelo", "García Márquez", "Muster", "Øster", "Lefèvre", "Văn", "Smith",
    "Παπαδόπουλος", "Becker",
)  # fmt: skip
_PLACES = {
    "DE": (("Köln", "50667", ""), ("Ulm", "89073", ""), ("Görlitz", "02826", ""),
           ("München", "80331", ""), ("Berlin", "10115", "")),
    "US": (("Albany", "12207", "NY"), ("Buffalo", "14202", "NY"), ("Ithaca", "14850", "NY"),
           ("Newark", "07102", "NJ"), ("San José", "95113", "CA")),
}  # fmt: skip
_STREETS = {"DE": ("Lindenweg", "Am Bächle", "Große Straße"), "US": ("Main St", "Élan Ave", "2nd")}
COUNTRY_NAMES = {"DE": "Deutschland", "US": "United States"}
_NOUNS = ("Fence post", "Insulator", "Dose Tee", "Wire 200 m", "Schraube M8", "Gate", "Clip")
_FORMS = ("150 cm", "blau", "10 Stück", "XL", "½ inch", "rot", "A4", "500 g", "klein")


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address as both systems can tell it."""

    name: str
    first_name: str
    last_name: str
    company: str
    street: str
    street2: str
    zip: str
    city: str
    state: str
    country: str
    phone: str


@dataclass(frozen=True, slots=True)
class Customer:
    """One party of a merchant; ``email`` is empty where nobody knows it."""

    index: int
    first_name: str
    last_name: str
    company: str
    email: str
    is_vendor: bool
    has_account: bool
    address: Address

    @property
    def display_name(self) -> str:
        """Name that the ERP shows: the company's, else the person's."""
        return self.company or f"{self.first_name} {self.last_name}"

    @property
    def has_person(self) -> bool:
        """Whether the ERP knows a person: some contacts were made of a name and nothing else."""
        return self.index % 60 != 17


@dataclass(frozen=True, slots=True)
class Item:
    """One thing for sale; the price is in minor units, net or gross as the order says."""

    index: int
    sku: str
    name: str
    form: str
    price_minor: int
    tax_index: int


def make_items(merchant: Merchant, seed: int, count: int = 60) -> list[Item]:
    """Build the catalogue of a merchant."""
    rng = Random(f"{seed}/items/{merchant.name}")
    return [
        Item(
            index=i,
            sku=f"{merchant.name[:3]}-{i:03d}-{rng.choice('abcxyz')}",
            name=rng.choice(_NOUNS),
            form=rng.choice(_FORMS),
            price_minor=rng.choice((99, 249, 490, 1490, 1990, 2190, 7995, 24900))
            + rng.randrange(9),
            tax_index=0 if rng.random() < 0.75 else 1,
        )
        for i in range(count)
    ]


def make_customer(merchant: Merchant, seed: int, index: int) -> Customer:
    """Build customer ``index``; every call with the same arguments gives an equal value."""
    rng = Random(f"{seed}/customer/{merchant.name}/{index}")
    first, last = rng.choice(_FIRST), rng.choice(_LAST)
    is_vendor = index % 20 == 19
    is_business = is_vendor or rng.random() < 0.25
    company = (
        f"{last} {rng.choice(('GmbH', '& Söhne KG', 'Ltd.', 'S.à r.l.'))}" if is_business else ""
    )
    email = "" if index % 30 == 17 else f"customer{index}@{merchant.name}.example"
    if rng.random() < 0.1:
        email = email.capitalize()
    return Customer(
        index=index,
        first_name=first,
        last_name=last,
        company=company,
        email=email,
        is_vendor=is_vendor,
        has_account=rng.random() < 0.6,
        address=_address(merchant, rng, first, last, company),
    )


def _address(merchant: Merchant, rng: Random, first: str, last: str, company: str) -> Address:
    city, postcode, state = rng.choice(_PLACES[merchant.country])
    street = f"{rng.choice(_STREETS[merchant.country])} {rng.randrange(1, 200)}"
    dial = "+4922155" if merchant.country == "DE" else "+1518555"
    return Address(
        name=f"{first} {last}",
        first_name=first,
        last_name=last,
        company=company,
        street=street,
        street2="c/o Empfang" if rng.random() < 0.15 else "",
        zip=postcode,
        city=city,
        state=state,
        country=merchant.country,
        phone=f"{dial}{rng.randrange(10**5, 10**6)}" if rng.random() < 0.5 else "",
    )
