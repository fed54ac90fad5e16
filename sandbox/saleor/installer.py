"""The shop's side of apps: install by manifest, uninstall, send events, ask questions."""

import json
import string
from dataclasses import asdict
from random import SystemRandom
from typing import Any
from urllib.parse import urlsplit

import httpx

from sandbox.saleor.installed import FailedDelivery, InstalledApp
from sandbox.state import Shop, State
from sandbox.times import now_us, saleor_time
from sandbox.webhooks import Delivery, saleor_headers, send

SCHEMA_VERSION = "3.23"
TIMEOUT = httpx.Timeout(18.0, connect=2.0)
TOKEN_CHARACTERS = 30
REQUIRED = ("id", "name", "version")
FIRST_NUMBER = 100


class InstallError(Exception):
    """Why an installation failed, as the shop shows it."""


class Installer:
    """Installs and speaks to apps of the shops of a sandbox.

    The state's lock is never held during a request: the app calls back meanwhile.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def install(self, merchant: str, manifest_url: str) -> dict[str, Any]:
        """Install an app as ``appInstall`` does in the background (saleor.md 10.2)."""
        shop = self._shop(merchant)
        with httpx.Client(timeout=TIMEOUT, trust_env=False) as http:
            try:
                manifest = self._read(http, shop, manifest_url)
                app = self._create(shop, manifest)
            except InstallError as error:
                return {"status": "FAILED", "message": str(error), "app_id": None}
            try:
                _hand_over(http, shop, app)
            except InstallError as error:
                with self._state.lock:
                    shop.apps.remove(app)
                return {"status": "FAILED", "message": str(error), "app_id": None}
        return {"status": "SUCCESS", "message": "", "app_id": app.id}

    def uninstall(self, merchant: str, app_id: str) -> list[dict[str, Any]]:
        """Delete an app: its token is void, and it is told, as the last it hears."""
        shop = self._shop(merchant)
        app = self._app(shop, app_id)
        with self._state.lock:
            shop.apps.remove(app)
        body = {"__typename": "AppDeleted", "issuedAt": _now(), "app": {"id": app_id}}
        return self._send(shop, app, "app_deleted", [json.dumps(body).encode()], ())

    def tell(
        self, merchant: str, event: str, bodies: list[bytes], retry_seconds: tuple[float, ...]
    ) -> list[dict[str, Any]]:
        """Send an event to every app that asked for it; what fails for good is kept."""
        shop = self._shop(merchant)
        return [
            outcome
            for app in list(shop.apps)
            for outcome in self._send(shop, app, event, bodies, retry_seconds)
        ]

    def ask(self, merchant: str, event: str, question: Any, **headers: str) -> dict[str, Any]:
        """Ask the app that takes a sync event; return status and answer. Nothing is repeated."""
        shop = self._shop(merchant)
        body = json.dumps(question).encode()
        (target,) = [url for app in shop.apps for url in app.targets(event)]
        signed = saleor_headers(shop.keys, shop.api_url, event, body)
        with httpx.Client(timeout=TIMEOUT, trust_env=False) as http:
            answer = http.post(target, content=body, headers={**signed, **headers})
        return {"status": answer.status_code, "answer": answer.json()}

    def _read(self, http: httpx.Client, shop: Shop, url: str) -> dict[str, Any]:
        headers = {"Saleor-Schema-Version": SCHEMA_VERSION}
        try:
            answer = http.get(url, headers=headers)
            manifest = answer.json() if answer.status_code == 200 else None
        except (httpx.HTTPError, ValueError):
            manifest = None
        if not isinstance(manifest, dict):
            raise InstallError("Can't fetch the manifest data. Please try later.")
        missing = [name for name in REQUIRED if not manifest.get(name)]
        if missing:
            raise InstallError(f"{missing[0]}: ['Field required.']")
        for hook in manifest.get("webhooks", ()):
            if "subscription" not in hook.get("query", ""):
                raise InstallError("webhooks: ['Subscription query is missing.']")
            if urlsplit(hook["targetUrl"]).scheme not in {"http", "https"}:
                raise InstallError("webhooks: ['Invalid target url.']")
        if any(app.manifest["id"] == manifest["id"] for app in shop.apps):
            raise InstallError("identifier: ['App with the same identifier is already installed']")
        return manifest

    def _create(self, shop: Shop, manifest: dict[str, Any]) -> InstalledApp:
        letters = string.ascii_letters + string.digits
        token = "".join(SystemRandom().choices(letters, k=TOKEN_CHARACTERS))
        with self._state.lock:
            shop.installs += 1
            app = InstalledApp(FIRST_NUMBER + shop.installs, manifest, token)
            shop.apps.append(app)
        return app

    def _send(
        self,
        shop: Shop,
        app: InstalledApp,
        event: str,
        bodies: list[bytes],
        retry_seconds: tuple[float, ...],
    ) -> list[dict[str, Any]]:
        outcomes = []
        for target in app.targets(event):
            deliveries = [
                Delivery("", event, saleor_headers(shop.keys, shop.api_url, event, body), body)
                for body in bodies
            ]
            for body, outcome in zip(
                bodies, send(target, deliveries, retry_seconds=retry_seconds), strict=True
            ):
                outcomes.append(asdict(outcome))
                if not outcome.is_delivered:
                    self._keep(shop, app, event, body)
        return outcomes

    def _keep(self, shop: Shop, app: InstalledApp, event: str, body: bytes) -> None:
        with self._state.lock:
            shop.failures += 1
            app.failed.append(FailedDelivery(shop.failures, event, body.decode(), _now()))

    def _shop(self, merchant: str) -> Shop:
        return self._state.accounts[merchant].shop

    @staticmethod
    def _app(shop: Shop, app_id: str) -> InstalledApp:
        for app in shop.apps:
            if app.id == app_id:
                return app
        raise ValueError(f"no app {app_id!r} is installed")


def _hand_over(http: httpx.Client, shop: Shop, app: InstalledApp) -> None:
    """Give the app its token; it works already, so that the app can try it."""
    domain = urlsplit(shop.api_url).netloc
    headers = {
        "Saleor-Domain": domain,
        "X-Saleor-Domain": domain,
        "Saleor-Api-Url": shop.api_url,
        "Saleor-Schema-Version": SCHEMA_VERSION,
    }
    try:
        answer = http.post(
            app.manifest["tokenTargetUrl"], json={"auth_token": app.token}, headers=headers
        )
    except httpx.HTTPError:
        raise InstallError("Failed to connect to the app. Try later.") from None
    if answer.is_success:
        return
    try:
        message = answer.json()["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = (
            f"App internal error ({answer.status_code}). Try later or contact with app support."
        )
    raise InstallError(str(message))


def _now() -> str:
    return saleor_time(now_us())
