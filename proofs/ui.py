"""``make ui``: headless Chromium in the Dagster UI of the real stack, as a data engineer uses it.

Sees the graph from raw over core to analytics, tenants as partitions and the resources; changes
orders in the shop, materialises by clicking, sees the run turn green and its counts. Every step
leaves a screenshot.
"""

import argparse
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from PIL import Image
from playwright.sync_api import Browser, Error, Locator, Page, expect, sync_playwright

from proofs.steps import StepFailed, Steps
from schemabase_dagster import database
from schemabase_dagster.errors import SchemabaseError
from schemabase_dagster.settings import ROOT
from schemabase_dagster.stack import home, showcase
from schemabase_dagster.stack.process import interruptible
from schemabase_dagster.stack.run import Options, Running, running
from schemabase_dagster.stack.standins import DEMO_TENANTS, connect_demo_tenants, control

TENANT: Final = "acme"
CHANGED_ORDERS: Final = 7
PATH_ASSETS: Final = (
    "raw/saleor_orders",
    "raw/zoho_contacts",
    "raw/zoho_sales_orders",
    "core/contacts",
    "core/orders",
    "analytics/fct_order",
)
"""The way of an order; all that ``fct_order`` is made of would not fit the page legibly."""

ENTITY_ASSETS: Final = (
    "raw/saleor_orders",
    "raw/zoho_sales_orders",
    "raw/strapi_bulk_order_recipients",
    "raw/xentral_orders",
    "raw/zoho_invoices",
    "raw/saleor_fulfillments",
    "raw/xentral_delivery_notes",
    "raw/zoho_packages",
    "raw/braintree_fee_report",
    "raw/braintree_fees",
    "raw/zoho_bank_charges",
    "raw/reviewsio_merchant_reviews",
    "raw/reviewsio_product_reviews",
    "core/orders",
    "core/invoices",
    "core/packages",
    "core/transaction_costs",
    "core/reviews",
    "analytics/fct_order",
    "analytics/fct_invoice",
    "analytics/fct_package",
    "analytics/fct_transaction_cost",
    "analytics/fct_review",
)
"""The five entities the product is for, with the systems that feed them and what analysts read."""

WIDTH: Final = 1600
HEIGHT: Final = 900
TALL: Final = 2800
PAGE_SECONDS: Final = 30.0
RUN_SECONDS: Final = 120.0
SCREENSHOTS: Final = ROOT / ".schemabase" / "screenshots"
PICTURES: Final = {"graph": "dagster", "entities": "lineage"}
"""Screenshot -> picture of it in ``docs/img``."""
COLORS: Final = 64
"""Of a picture in ``docs/img``: a third of the bytes, and nobody sees it."""
MAX_PICTURE_BYTES: Final = 300_000

CHROMIUM: Final = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# A pull or a full sync of its own would take away the changes that the click is to find.
_NOTHING_BY_ITSELF: Final = """
UPDATE platform.app SET cron_schedule = '0 0 1 1 *';
UPDATE platform.tenant SET nightly_at = '23:59';
"""


def main() -> int:
    """Tour the UI; return 1 when a step fails."""
    parser = argparse.ArgumentParser(prog="python -m proofs.ui", description=__doc__)
    parser.add_argument("--readme", action="store_true", help="renew the pictures in docs/img")
    options = parser.parse_args()
    chromium = find_chromium()
    steps = Steps()
    folder = _empty_folder(SCREENSHOTS)
    try:
        with interruptible(), _stack(steps) as stack, _browser(chromium) as browser:
            Tour(steps, stack, browser, folder).all()
    except (StepFailed, AssertionError, Error, SchemabaseError):
        print(f"The UI does not show what it should. Screenshots are in {folder}.")
        return 1
    except KeyboardInterrupt:
        return 130
    if options.readme:
        _renew_pictures(folder)
    print(f"Every step passed. Screenshots are in {folder}.")
    return 0


def find_chromium() -> str:
    """Return Debian's Chromium; Playwright's own download is never used."""
    for name in ("chromium", "chromium-browser"):
        if path := shutil.which(name):
            return path
    sys.exit("make ui needs a browser: install Debian's chromium (apt-get install chromium).")


class Tour:
    """One tour through the UI.

    Args:
        steps: prints what is done.
        stack: the running stack.
        browser: a started Chromium.
        folder: takes the screenshots.
    """

    def __init__(self, steps: Steps, stack: Running, browser: Browser, folder: Path) -> None:
        self._steps = steps
        self._stack = stack
        self._folder = folder
        self._path_url = ""
        self._page: Page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        self._page.set_default_timeout(PAGE_SECONDS * 1000)
        expect.set_options(timeout=PAGE_SECONDS * 1000)

    def all(self) -> None:
        """Do every step, in the order in which a newcomer would."""
        page = self._page
        with self._step("The UI opens", "overview"):
            page.goto(self._stack.ports.webserver_url)
            self._navigate("Lineage")
        with self._step("The graph leads from raw over core to analytics", "lineage"):
            self._see_graph()
        with self._step("Tenants are the partitions of core/orders", "partitions"):
            self._open_asset("core", "orders")
            self._open_tab("Partitions")
            for tenant in DEMO_TENANTS:
                expect(page.get_by_title(tenant, exact=True)).to_be_visible()
        with self._step("Group, kinds, owner and description are told", "asset"):
            self._see_definition()
        with self._step("The resources page describes both systems", "resources"):
            self._see_resources()
        with self._step(f"A click materialises the orders of {TENANT}", "launch"):
            changed = self._change_orders()
            run = self._materialise("orders")
        with self._step("The run turns green", "run"):
            self._see_success(run)
        with self._step("Its counts are on the asset's page", "materialised"):
            self._see_counts(run, changed)
        with self._step("The checks are answered for the tenant", "checks"):
            self._see_checks()
        with self._step("The schedules and sensors are on", "automation"):
            self._see_automation()
        with self._step("The whole path is green for both tenants", "graph"):
            self._see_green_graph()
        with self._step("The five entities are read from left to right", "entities"):
            self._see_entities()

    def _see_graph(self) -> None:
        page = self._page
        expect(self._node("contacts").first).to_be_visible()
        page.keyboard.press("Alt+e")  # expands all groups
        # Dagster draws what is in the window only, which the whole graph is larger than.
        expect(self._node("invoices")).to_be_attached()
        self._shoot("graph-of-everything")
        self._select(PATH_ASSETS)
        expect(self._node("invoices")).to_have_count(0)
        page.mouse.click(WIDTH / 2, HEIGHT - 20)
        self._see_order("zoho_sales_orders", "orders", "fct_order")
        self._path_url = page.url

    def _see_green_graph(self) -> None:
        page = self._page
        page.get_by_role("button", name="Hide navigation").click()
        page.goto(self._path_url)
        self._see_filled(PATH_ASSETS)

    def _see_entities(self) -> None:
        self._page.set_viewport_size({"width": WIDTH, "height": TALL})
        self._select(ENTITY_ASSETS)
        expect(self._node("contacts")).to_have_count(0)
        self._page.goto(self._page.url)  # what is opened anew fits the window
        for path in (
            ("strapi_bulk_order_recipients", "orders", "fct_order"),
            ("zoho_invoices", "invoices", "fct_invoice"),
            ("xentral_delivery_notes", "packages", "fct_package"),
            ("braintree_fees", "transaction_costs", "fct_transaction_cost"),
            ("reviewsio_product_reviews", "reviews", "fct_review"),
        ):
            self._see_order(*path)
        self._see_filled(ENTITY_ASSETS)

    def _select(self, assets: Sequence[str]) -> None:
        """Show only some assets, as one asks for them in the search of the graph."""
        self._page.locator(".CodeMirror").click()
        self._page.keyboard.press("Control+a")
        self._page.keyboard.type(" or ".join(f'key:"{key}"' for key in assets))
        self._page.keyboard.press("Enter")

    def _see_filled(self, assets: Sequence[str]) -> None:
        full = self._page.locator("foreignObject").get_by_text("100% filled")
        expect(full).to_have_count(len(assets))

    def _see_order(self, *names: str) -> None:
        left = [self._left(name) for name in names]
        if sorted(left) != left:
            raise StepFailed(f"{', '.join(names)} stand at {left}")

    def _see_definition(self) -> None:
        page = self._page
        self._open_tab("Overview")
        for text in ("one row per real order", "core.orders", "tenant_sync", "2 sensors"):
            expect(page.get_by_text(text).first).to_be_visible()
        for text in ("orders", "data", "Postgres"):
            expect(page.get_by_text(text, exact=True).last).to_be_visible()

    def _see_resources(self) -> None:
        page = self._page
        self._navigate("Deployment")
        page.get_by_role("link", name="schemabase").first.click()
        self._open_tab("Definitions")
        page.get_by_role("link", name="Resources").click()
        for name in ("saleor", "zoho"):
            expect(page.get_by_role("link", name=name)).to_be_visible()
        self._shoot("resources-list")
        page.get_by_role("link", name="zoho").click()
        expect(page.get_by_text("All processes share one budget")).to_be_visible()
        expect(page.get_by_text("Calls in flight per organisation")).to_be_visible()

    def _change_orders(self) -> int:
        ids = control(
            self._stack.stand_ins,
            "change_orders",
            merchant=TENANT,
            system="saleor",
            n=CHANGED_ORDERS,
            kind="quantity",
        )
        return len(ids)

    def _materialise(self, group: str) -> str:
        """Materialise a group for the tenant by clicking; return the run's short id."""
        page = self._page
        page.goto(
            f"{self._stack.ports.webserver_url}/locations/schemabase/asset-groups/{group}/lineage"
        )
        page.get_by_role("button", name="Materialize all").click()
        page.get_by_text("Select a partition or create one").click()
        page.get_by_role("menuitem", name=TENANT).click()
        page.keyboard.press("Escape")
        self._shoot("dialog")
        page.get_by_role("button", name="Launch 1 run").click()
        link = page.get_by_text(re.compile("Launched run [0-9a-f]{8}")).first
        expect(link).to_be_visible()
        found = re.search(r"[0-9a-f]{8}", link.inner_text())
        if found is None:
            raise StepFailed("the UI names no run")
        return found.group()

    def _see_success(self, run: str) -> None:
        page = self._page
        self._navigate("Runs")
        page.get_by_role("link", name=run).click()
        success = page.get_by_text("Success", exact=True).first
        expect(success).to_be_visible(timeout=RUN_SECONDS * 1000)

    def _see_counts(self, run: str, changed: int) -> None:
        page = self._page
        for key in (("raw", "saleor_orders"), ("core", "orders")):
            self._open_asset(*key)
            self._open_tab("Partitions")
            page.get_by_title(TENANT, exact=True).click()
            expect(page.get_by_role("link", name=run)).to_be_visible()
            expect(self._metadata("changed")).to_have_text(str(changed))
        for name in ("read", "unchanged", "rejected", "deleted", "latest_changes"):
            expect(self._metadata(name)).to_be_attached()
        self._metadata("orders_per_day").get_by_text("Show Markdown").click()
        picture = page.locator("img[src^='data:image/png']")
        expect(picture).to_be_visible()
        self._shoot("plot")
        page.get_by_role("button", name="Close").click()
        expect(picture).to_have_count(0)
        page.get_by_text("Latest materialization").first.scroll_into_view_if_needed()

    def _see_checks(self) -> None:
        page = self._page
        self._open_tab("Checks")
        for name in ("open_conflicts", "order_totals", "systems_agree", "unmatched_records"):
            expect(page.get_by_text(name, exact=True).first).to_be_visible()
        page.get_by_text("systems_agree", exact=True).first.click()
        expect(page.get_by_text("disagree about").first).to_be_visible()

    def _see_automation(self) -> None:
        page = self._page
        self._navigate("Automation")
        for name in ("due_syncs", "nightly_sync", "tenant_partitions", "webhook_inbox"):
            row = page.locator("div").filter(has=page.get_by_text(name, exact=True)).last
            expect(row).to_be_visible()

    def _open_asset(self, *key: str) -> None:
        self._page.goto(f"{self._stack.ports.webserver_url}/assets/{'/'.join(key)}")

    def _navigate(self, name: str) -> None:
        self._page.get_by_role("navigation").get_by_role("link", name=name).click()

    def _open_tab(self, name: str) -> None:
        self._page.get_by_role("tab", name=name).click()

    def _node(self, name: str) -> Locator:
        return self._page.locator("foreignObject").get_by_text(name, exact=True)

    def _left(self, name: str) -> float:
        """Return the left edge of a node; a group of the same name stands further left."""
        expect(self._node(name).first).to_be_visible()
        boxes = [node.bounding_box() for node in self._node(name).all()]
        return max(box["x"] for box in boxes if box)

    def _metadata(self, name: str) -> Locator:
        row = self._page.get_by_role("row").filter(
            has=self._page.get_by_role("cell", name=name, exact=True)
        )
        return row.get_by_role("cell").nth(1)

    @contextmanager
    def _step(self, title: str, picture: str) -> Iterator[None]:
        with self._steps.step(title):
            try:
                yield
            finally:
                self._shoot(picture)

    def _shoot(self, name: str) -> None:
        self._page.wait_for_timeout(1500)  # lets animations and late queries end
        self._page.screenshot(path=self._folder / f"{name}.png")


@contextmanager
def _stack(steps: Steps) -> Iterator[Running]:
    state = ROOT / ".schemabase" / "ui"
    options = Options(own_database=True, prepare=_connect)
    with running(home.fresh(ROOT, state), options, steps.step) as stack:
        with steps.step("First sync of both tenants, started by the daemon"):
            showcase.await_first_sync(stack, lambda _counts: None)
        yield stack


def _connect(stand_ins: Mapping[str, Any]) -> None:
    connect_demo_tenants(stand_ins)
    with database.transaction() as conn:
        conn.execute(_NOTHING_BY_ITSELF)


@contextmanager
def _browser(executable: str) -> Iterator[Browser]:
    # as root the sandbox of Chromium does not start
    arguments = [*CHROMIUM, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield browser
        browser.close()


def _empty_folder(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _renew_pictures(folder: Path) -> None:
    for shot, name in PICTURES.items():
        picture = folder / f"{name}-small.png"
        with Image.open(folder / f"{shot}.png") as full:
            full.convert("RGB").quantize(COLORS).save(picture, optimize=True)
        if picture.stat().st_size > MAX_PICTURE_BYTES:
            raise StepFailed(f"{picture} is larger than {MAX_PICTURE_BYTES} bytes")
        shutil.copyfile(picture, ROOT / "docs" / "img" / f"{name}.png")


if __name__ == "__main__":
    sys.exit(main())
