"""Order arithmetic against the vectors of the reference's live tests (zoho.md 1.10)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.money import Content, Line, total_up


def content(*lines: Line, inclusive: bool = False, shipping: int = 0, discount: int = 0) -> Content:
    return Content(inclusive, list(lines), shipping, 0, lines[0].tax_bp, discount)


@pytest.mark.parametrize(
    ("line_discount", "order_discount", "total"),
    [(0, 0, 156_45), (0, 10_00, 145_95), (5_00, 0, 151_20)],
    ids=["none", "order", "line"],
)
def test_exclusive_totals_equal_the_live_vectors(
    line_discount: int, order_discount: int, total: int
):
    line = Line(0, 10, 14_90, 0, 500, line_discount)

    assert total_up(content(line, discount=order_discount)).total == total


def test_inclusive_totals_equal_the_documented_example():
    totals = total_up(content(Line(0, 2, 21_90, 0, 700), inclusive=True, shipping=4_90))

    assert totals.lines[0].tax == 2_87
    assert totals.sub_total == 40_93
    assert totals.tax_total == 3_19
    assert totals.total == 48_70


LINES = st.lists(
    st.builds(
        Line,
        item=st.just(0),
        quantity=st.integers(1, 20),
        rate_minor=st.integers(1, 50_000),
        tax_index=st.just(0),
        tax_bp=st.sampled_from([0, 700, 825, 1900]),
    ),
    min_size=1,
    max_size=6,
)


@given(LINES, st.booleans(), st.integers(0, 2000), st.integers(0, 1))
def test_totals_are_the_sum_of_their_parts(
    lines: list[Line], inclusive: bool, shipping: int, discount: int
):
    order = content(*lines, inclusive=inclusive, shipping=shipping, discount=discount)

    totals = total_up(order)

    shipping_gross = totals.shipping_net + totals.shipping_tax
    assert totals.total == totals.goods_gross + shipping_gross
    assert totals.total == totals.sub_total - totals.discount + totals.tax_total + (
        totals.shipping_net
    )
    if inclusive:
        value = sum(line.rate_minor * line.quantity for line in lines)
        assert totals.total == value - discount + shipping
