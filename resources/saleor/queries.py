"""GraphQL documents for Saleor 3.18 to 3.24.

The orders were checked against each schema; their payments, transactions and refunds, and the lists
of the catalogue, against the documentation only.

Nulls travel as variables, never as literals: the server's parser does not know ``null``. A page
of 100 orders costs 1,400 of the 50,000 points that a query may cost.
"""

from typing import Any, Final

from resources.saleor.source import SaleorConnection
from schemabase_dagster.streams import JsonObject

_ORDER_FRAGMENTS: Final = """
fragment M on Money { amount currency }
fragment T on TaxedMoney { gross { ...M } net { ...M } }
fragment A on Address {
  firstName lastName companyName streetAddress1 streetAddress2 postalCode city
  countryArea country { code } phone
}
fragment Tx on TransactionItem {
  id token name message pspReference createdAt modifiedAt actions
  authorizedAmount { ...M } authorizePendingAmount { ...M }
  chargedAmount { ...M } chargePendingAmount { ...M } refundedAmount { ...M }
  refundPendingAmount { ...M }
  createdBy { __typename ... on App { id name } }
  privateMetadata { key value }
  events { id type createdAt pspReference message amount { ...M } }
}
fragment OrderSync on Order {
  id number externalReference created updatedAt status origin userEmail user { id }
  channel { id slug currencyCode } languageCodeEnum
  billingAddress { ...A } shippingAddress { ...A }
  shippingMethodName
  deliveryMethod { __typename ... on ShippingMethod { id name } ... on Warehouse { id name } }
  shippingPrice { ...T } shippingTaxRate
  total { ...T } undiscountedTotal { ...T } subtotal { ...T }
  paymentStatus chargeStatus authorizeStatus isPaid
  voucherCode voucher { id type } discounts { id type name valueType value }
  customerNote metadata { key value }
  lines {
    id productName variantName productSku quantity quantityFulfilled quantityToFulfill
    unitPrice { ...T } undiscountedUnitPrice { ...T } totalPrice { ...T }
    unitDiscount { ...M } unitDiscountType taxRate
    sku: metafield(key: "sku") variant { id sku }
  }
  fulfillments {
    id fulfillmentOrder status trackingNumber created
    lines { id quantity orderLine { id productSku } }
  }
  totalRefunded { ...M }
  grantedRefunds { id createdAt updatedAt amount { ...M } reason shippingCostsIncluded }
  payments {
    id gateway paymentMethodType pspReference isActive chargeStatus created modified
    total { ...M } capturedAmount { ...M } creditCard { brand }
    transactions { id kind isSuccess token amount { ...M } created }
  }
  transactions { ...Tx }
}
"""

APP_CHECK: Final = "query AppCheck { shop { name } app { id name permissions { code } } }"

ORDERS: Final = SaleorConnection(
    root="orders",
    object_type="Order",
    id_kind="uuid",
    page_operation="OrdersPage",
    page_document="""
query OrdersPage($first: Int!, $after: String, $from: DateTime) {
  orders(first: $first, after: $after, filter: {updatedAt: {gte: $from}},
         sortBy: {field: LAST_MODIFIED_AT, direction: ASC}) {
    pageInfo { hasNextPage endCursor }
    edges { node { ...OrderSync } }
  }
}
"""
    + _ORDER_FRAGMENTS,
    ids_operation="OrdersByIds",
    ids_document="""
query OrdersByIds($first: Int!, $ids: [ID!]) {
  orders(first: $first, filter: {ids: $ids}) {
    pageInfo { hasNextPage endCursor }
    edges { node { ...OrderSync } }
  }
}
"""
    + _ORDER_FRAGMENTS,
    count_document="""
query OrdersPage($first: Int!) { orders(first: $first) { totalCount } }
""",
)
"""Orders with lines, addresses, fulfilments and transactions; drafts are left out by Saleor."""


def _failed_deliveries(app: Any) -> list[JsonObject]:
    """Return the deliveries of all webhooks of an app, with the webhook's id."""
    webhooks = (app or {}).get("webhooks") or []
    return [
        {**edge["node"], "webhook": webhook["id"]}
        for webhook in webhooks
        for edge in (webhook.get("eventDeliveries") or {}).get("edges", ())
    ]


MISSED_DELIVERIES: Final = SaleorConnection(
    root="app",
    object_type="EventDelivery",
    id_kind="integer",
    page_operation="MissedDeliveries",
    page_document="""
query MissedDeliveries {
  app {
    webhooks {
      id
      eventDeliveries(first: 100, filter: {status: FAILED},
                      sortBy: {field: CREATED_AT, direction: DESC}) {
        edges { node { id createdAt status eventType payload } }
      }
    }
  }
}
""",
    ids_operation="",
    ids_document="",
    count_document="",
    is_list=True,
    unfold=_failed_deliveries,
    is_optional=True,
)
"""The newest failed deliveries of the app's own webhooks; by documentation and schema only."""
