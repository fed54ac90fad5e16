"""Merchants: who the stand-ins keep data for, and the credentials that open it."""

import hashlib
import string
from dataclasses import dataclass
from random import Random

DEFAULT_MERCHANTS = ("acme", "globex")


@dataclass(frozen=True, slots=True)
class Tax:
    """One tax of an organisation; the rate in hundredths of a per cent (1900 = 19 %)."""

    tax_id: str
    name: str
    rate_bp: int


@dataclass(frozen=True, slots=True)
class GatewayKeys:
    """What opens a merchant's account at the payment gateway."""

    merchant_id: str
    public_key: str
    private_key: str


@dataclass(frozen=True, slots=True)
class Merchant:
    """One merchant: an account in each of the systems, and their secrets.

    Attributes:
        name: key in control calls and in the info file.
        number: position among the merchants, kept in ids so that no two merchants share one.
        prefix: what the ERP puts before the shop's order number.
        timezone: IANA name; Zoho prints times with its offset.
        inclusive_share: share of orders whose prices include tax.
    """

    name: str
    number: int
    title: str
    prefix: str
    timezone: str
    currency: str
    language: str
    country: str
    inclusive_share: float
    organization_id: str
    id_prefix: str
    taxes: tuple[Tax, ...]
    client_id: str
    client_secret: str
    refresh_token: str
    shop_token: str
    store_id: str
    reviews_key: str
    dhl_key: str
    ups_client_id: str
    ups_client_secret: str
    warehouse_password: str
    warehouse_token: str
    editor_token: str
    search_password: str
    search_key: str
    gateway: GatewayKeys

    def zoho_id(self, kind: int, counter: int) -> str:
        """Id in Zoho's form: organisation prefix and a 12-digit counter, above 2^53."""
        return f"{self.id_prefix}{kind * 10**9 + counter:012d}"


_PROFILES = (
    ("STORE", "Europe/Berlin", "EUR", "de", "DE", 0.75, (("Standard", 1900), ("Reduced", 700))),
    ("SHOP", "America/New_York", "USD", "en", "US", 0.25, (("Sales tax", 825), ("Exempt", 0))),
)


def make_merchant(name: str, number: int, seed: int) -> Merchant:
    """Build the merchant called ``name``; everything follows from name, position and seed."""
    rng = Random(f"{seed}/merchant/{name}")
    prefix, timezone, currency, language, country, share, taxes = _PROFILES[number % 2]
    if number >= len(_PROFILES):
        prefix = name.upper().replace("-", "")[:8]
    carriers = Random(f"{seed}/carriers/{name}")
    search = Random(f"{seed}/search/{name}")
    id_prefix = f"{735180 + number}"
    return Merchant(
        name=name,
        number=number,
        title=f"{name.capitalize()} Trading",
        prefix=prefix,
        timezone=timezone,
        currency=currency,
        language=language,
        country=country,
        inclusive_share=share,
        organization_id=f"200111{22000 + number}",
        id_prefix=id_prefix,
        taxes=tuple(
            Tax(f"{id_prefix}{9 * 10**9 + i:012d}", tax, rate)
            for i, (tax, rate) in enumerate(taxes)
        ),
        client_id=f"1000.{_letters(rng, string.ascii_uppercase + string.digits, 30)}",
        client_secret=rng.randbytes(21).hex(),
        refresh_token=f"1000.{rng.randbytes(16).hex()}.{rng.randbytes(16).hex()}",
        shop_token=_letters(rng, string.ascii_letters + string.digits, 30),
        store_id=f"www.{name}.example",
        reviews_key=rng.randbytes(16).hex(),
        dhl_key=_letters(carriers, string.ascii_letters + string.digits, 32),
        ups_client_id=_letters(carriers, string.ascii_letters + string.digits, 48),
        ups_client_secret=_letters(carriers, string.ascii_letters + string.digits, 64),
        warehouse_password=rng.randbytes(12).hex(),
        warehouse_token=_letters(rng, string.ascii_letters + string.digits, 40),
        editor_token=rng.randbytes(32).hex(),
        search_password=search.randbytes(12).hex(),
        search_key=_letters(search, string.ascii_letters + string.digits, 60),
        gateway=GatewayKeys(
            rng.randbytes(8).hex(), rng.randbytes(8).hex(), rng.randbytes(16).hex()
        ),
    )


def _letters(rng: Random, alphabet: str, length: int) -> str:
    return "".join(rng.choices(alphabet, k=length))


def fingerprint(secret: str) -> str:
    """Short name of a secret that may be printed."""
    return hashlib.sha256(secret.encode()).hexdigest()[:8]
