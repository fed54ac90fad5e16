"""Order arithmetic in minor units: lines, discounts, shipping, taxes and totals that add up.

Rules: Zoho "Totals" (tax per line, rounded half up; inclusive prices carry their tax inside), and
Saleor's TaxedMoney, which is the same arithmetic with gross and net side by side.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Line:
    """One line; rate and discount are gross when the order's prices include tax, else net."""

    item: int
    quantity: int
    rate_minor: int
    tax_index: int
    tax_bp: int
    discount_minor: int = 0
    discount_percent: int = 0


@dataclass(slots=True)
class Content:
    """What an order says about goods and money; the two systems render the same content."""

    is_inclusive: bool
    lines: list[Line]
    shipping_minor: int
    shipping_tax_index: int
    shipping_tax_bp: int
    discount_minor: int = 0
    adjustment_minor: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Amounts:
    """Amounts of one line: before discounts, after its own, after its share of the order's."""

    list_net: int
    list_gross: int
    own_net: int
    discount_net: int
    net: int
    tax: int

    @property
    def gross(self) -> int:
        """Net and tax together."""
        return self.net + self.tax


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals of one order, all in minor units."""

    lines: Sequence[Amounts]
    sub_total: int
    discount: int
    shipping_net: int
    shipping_tax: int
    tax_total: int
    total: int
    by_tax: dict[int, int] = field(default_factory=dict)

    @property
    def goods_net(self) -> int:
        """Lines after every discount, net."""
        return sum(line.net for line in self.lines)

    @property
    def goods_gross(self) -> int:
        """Lines after every discount, gross."""
        return sum(line.gross for line in self.lines)


def half_up(numerator: int, denominator: int) -> int:
    """Divide and round half away from zero."""
    if numerator < 0:
        return -half_up(-numerator, denominator)
    return (2 * numerator + denominator) // (2 * denominator)


def tax_inside(gross: int, rate_bp: int) -> int:
    """Tax contained in a gross amount."""
    return half_up(gross * rate_bp, 10_000 + rate_bp)


def tax_on(net: int, rate_bp: int) -> int:
    """Tax that comes on top of a net amount."""
    return half_up(net * rate_bp, 10_000)


def total_up(content: Content) -> Totals:
    """Compute all amounts of an order."""
    shares = _spread(content.discount_minor, [_value(line) for line in content.lines])
    amounts = [
        (_inclusive if content.is_inclusive else _exclusive)(line, share)
        for line, share in zip(content.lines, shares, strict=True)
    ]
    if content.is_inclusive:
        shipping_tax = tax_inside(content.shipping_minor, content.shipping_tax_bp)
        shipping_net = content.shipping_minor - shipping_tax
    else:
        shipping_net = content.shipping_minor
        shipping_tax = tax_on(shipping_net, content.shipping_tax_bp)
    by_tax: dict[int, int] = {}
    for line, amount in zip(content.lines, amounts, strict=True):
        by_tax[line.tax_index] = by_tax.get(line.tax_index, 0) + amount.tax
    if shipping_tax:
        index = content.shipping_tax_index
        by_tax[index] = by_tax.get(index, 0) + shipping_tax
    tax_total = sum(by_tax.values())
    sub_total = sum(amount.own_net for amount in amounts)
    discount = sub_total - sum(amount.net for amount in amounts)
    return Totals(
        lines=amounts,
        sub_total=sub_total,
        discount=discount,
        shipping_net=shipping_net,
        shipping_tax=shipping_tax,
        tax_total=tax_total,
        total=sub_total - discount + tax_total + shipping_net + content.adjustment_minor,
        by_tax=by_tax,
    )


def _value(line: Line) -> int:
    return line.rate_minor * line.quantity - line.discount_minor


def _inclusive(line: Line, share: int) -> Amounts:
    list_gross = line.rate_minor * line.quantity
    own_gross = list_gross - line.discount_minor
    list_net = list_gross - tax_inside(list_gross, line.tax_bp)
    own_net = own_gross - tax_inside(own_gross, line.tax_bp)
    tax = tax_inside(own_gross - share, line.tax_bp)
    return Amounts(list_net, list_gross, own_net, list_net - own_net, own_gross - share - tax, tax)


def _exclusive(line: Line, share: int) -> Amounts:
    list_net = line.rate_minor * line.quantity
    own_net = list_net - line.discount_minor
    net = own_net - share
    list_gross = list_net + tax_on(list_net, line.tax_bp)
    return Amounts(
        list_net, list_gross, own_net, line.discount_minor, net, tax_on(net, line.tax_bp)
    )


def _spread(amount: int, weights: list[int]) -> list[int]:
    """Spread an order discount over the lines by value, to the last minor unit."""
    if not amount:
        return [0] * len(weights)
    whole, done, rest = sum(weights), 0, 0
    shares = []
    for weight in weights:
        rest += weight
        share = half_up(amount * rest, whole) - done
        done += share
        shares.append(share)
    return shares
