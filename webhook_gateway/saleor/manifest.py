"""The manifests that a Saleor shop reads before it installs one of our apps (saleor 10.1)."""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import schemabase_dagster

Manifest: TypeAlias = dict[str, Any]

SALEOR_VERSIONS: Final = ">=3.18 <4"

SYNC_PERMISSIONS: Final = (
    "MANAGE_ORDERS",
    "MANAGE_ORDERS_IMPORT",
    "MANAGE_CHANNELS",
    "MANAGE_PRODUCTS",
    "MANAGE_PRODUCT_TYPES_AND_ATTRIBUTES",
    "MANAGE_PAGE_TYPES_AND_ATTRIBUTES",
    "MANAGE_DISCOUNTS",
    "MANAGE_GIFT_CARD",
    "MANAGE_SHIPPING",
    "MANAGE_USERS",
    "MANAGE_TAXES",
    "HANDLE_PAYMENTS",
)

_ORDER: Final = "order { id number updatedAt }"
_USER: Final = "user { id updatedAt }"
_VARIANT: Final = "productVariant { id updatedAt product { id } }"

SYNC_EVENTS: Final[Mapping[str, str]] = {
    "ORDER_CREATED": f"OrderCreated {{ {_ORDER} }}",
    "ORDER_UPDATED": f"OrderUpdated {{ {_ORDER} }}",
    "ORDER_CANCELLED": f"OrderCancelled {{ {_ORDER} }}",
    "ORDER_FULFILLED": f"OrderFulfilled {{ {_ORDER} }}",
    "FULFILLMENT_CREATED": f"FulfillmentCreated {{ fulfillment {{ id }} {_ORDER} }}",
    "CUSTOMER_CREATED": f"CustomerCreated {{ {_USER} }}",
    "CUSTOMER_UPDATED": f"CustomerUpdated {{ {_USER} }}",
    "PRODUCT_DELETED": "ProductDeleted { product { id updatedAt } }",
    "PRODUCT_VARIANT_DELETED": f"ProductVariantDeleted {{ {_VARIANT} }}",
    "PRODUCT_VARIANT_OUT_OF_STOCK": f"ProductVariantOutOfStock {{ {_VARIANT} }}",
    "APP_DELETED": "AppDeleted { app { id } }",
}
"""Events and what is asked of each. Saleor sends no delivery id: only times tell two facts with the
same content apart."""

_PAYMENT: Final = "payment { id }"

PAYMENT_EVENTS: Final[Mapping[str, str]] = {
    "PAYMENT_AUTHORIZE": f"PaymentAuthorize {{ {_PAYMENT} }}",
    "PAYMENT_CAPTURE": f"PaymentCaptureEvent {{ {_PAYMENT} }}",
    "PAYMENT_CONFIRM": f"PaymentConfirmEvent {{ {_PAYMENT} }}",
    "PAYMENT_LIST_GATEWAYS": "PaymentListGateways { checkout { id } }",
    "PAYMENT_PROCESS": f"PaymentProcessEvent {{ {_PAYMENT} }}",
    "PAYMENT_REFUND": f"PaymentRefundEvent {{ {_PAYMENT} }}",
    "PAYMENT_VOID": f"PaymentVoidEvent {{ {_PAYMENT} }}",
}


def manifest(kind: str, base: str, token: str, endpoint_id: str) -> Manifest:
    """Return the manifest of an app.

    Args:
        kind: ``entitysync`` or ``prepayment``.
        base: public root of the gateway, without a trailing slash.
        token: install token, which the shop hands back when it registers.
        endpoint_id: address of its events.
    """
    specific = _entitysync if kind == "entitysync" else _prepayment
    return {
        "id": f"schemabase-{kind}",
        "version": schemabase_dagster.__version__,
        "author": "Schemabase",
        "requiredSaleorVersion": SALEOR_VERSIONS,
        "tokenTargetUrl": f"{base}/v1/saleor/register/{token}",
        **specific(base, endpoint_id),
    }


def _entitysync(base: str, endpoint_id: str) -> Manifest:
    return {
        "name": "Schemabase data hub",
        "about": "Orders, customers and products of the shop for reports and other systems.",
        "permissions": list(SYNC_PERMISSIONS),
        "webhooks": [
            {
                "name": "changes",
                "targetUrl": f"{base}/v1/webhooks/saleor/{endpoint_id}",
                "asyncEvents": list(SYNC_EVENTS),
                "query": _subscription(SYNC_EVENTS),
                "isActive": True,
            }
        ],
    }


def _prepayment(base: str, endpoint_id: str) -> Manifest:
    return {
        "name": "Schemabase prepayment",
        "about": "Lets customers order first and pay by bank transfer.",
        "permissions": ["HANDLE_PAYMENTS"],
        "webhooks": [
            {
                "name": "payments",
                "targetUrl": f"{base}/v1/sync/saleor/{endpoint_id}",
                "syncEvents": list(PAYMENT_EVENTS),
                "query": _subscription(PAYMENT_EVENTS),
                "isActive": True,
            }
        ],
    }


def _subscription(events: Mapping[str, str]) -> str:
    fragments = " ".join(f"... on {fragment}" for fragment in events.values())
    return f"subscription {{ event {{ __typename issuedAt {fragments} }} }}"
