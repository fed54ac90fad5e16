"""Xentral's stand-in by plain HTTP: digest, filters, pages, the life of documents."""

import re
from typing import Any

import httpx
import pytest

from sandbox.runner import Sandbox


@pytest.fixture
def depot(box: Sandbox, http: httpx.Client) -> "Depot":
    return Depot(box.info["merchants"]["acme"]["xentral"], http)


class Depot:
    """A bare caller of one instance."""

    def __init__(self, info: dict[str, Any], http: httpx.Client) -> None:
        self.url = f"{info['url']}/api/v1"
        self.http = http
        self.auth: httpx.Auth | None = httpx.DigestAuth(info["username"], info["password"])

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.http.get(f"{self.url}/{path}", params=query, auth=self.auth)

    def rows(self, path: str, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(path, **{"items": 1000, **query}).json()["data"]
        return found


def code(response: httpx.Response) -> tuple[int, int]:
    return response.status_code, response.json()["error"]["code"]


def test_every_error_carries_a_challenge_and_only_401_asks_for_one(depot: Depot):
    answers = [depot.get("trackingnummern", tracking="nobody"), depot.get("nothing"),
               depot.get("artikel", color="red")]  # fmt: skip

    assert [code(answer) for answer in answers] == [(404, 7452), (404, 7431), (400, 7454)]
    challenge = r'Digest realm="Xentral-API",qop="auth",nonce="[0-9a-f]{32}",opaque="[0-9a-f]{32}"'
    assert all(re.fullmatch(challenge, a.headers["WWW-Authenticate"]) for a in answers)


def test_who_does_not_log_in_is_refused(depot: Depot):
    for auth, refused in [(None, 7411), (httpx.BasicAuth("schemabase-api", "x"), 7419),
                          (httpx.DigestAuth("schemabase-api", "wrong"), 7414)]:  # fmt: skip
        depot.auth = auth
        assert code(depot.get("artikel")) == (401, refused)


def test_a_header_that_lacks_a_part_is_refused(depot: Depot):
    answer = depot.http.get(
        f"{depot.url}/artikel",
        headers={"Authorization": 'Digest username="schemabase-api", nonce="a"'},
    )

    assert code(answer) == (401, 7412)


def test_a_nonce_lives_a_day(box: Sandbox, depot: Depot):
    depot.rows("artikel")
    box.control.pass_time(86_401)
    request = depot.http.build_request("GET", f"{depot.url}/artikel")
    assert depot.auth is not None
    first = next(depot.auth.sync_auth_flow(request))

    assert code(depot.http.send(first)) == (401, 7417)


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ({"internet": "STORE-10"}, lambda row: "STORE-10" in row["internet"]),
        ({"internet_equals": "store-1010"}, lambda row: row["internet"] == "STORE-1010"),
        ({"internet_startswith": "STORE"}, lambda row: row["internet"].startswith("STORE")),
        ({"internet_endswith": "7"}, lambda row: row["internet"].endswith("7")),
        ({"internet_equals": "STORE_1_%"}, lambda row: re.match("STORE.1.", row["internet"])),
        ({"status": "freigegeben"}, lambda row: row["status"] == "freigegeben"),
        ({"datum_gte": "2025-06-01"}, lambda row: row["datum"] >= "2025-06-01"),
        ({"projekt": "2"}, lambda row: row["projekt"] == "2"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_filters(depot: Depot, query: dict[str, str], fits: Any):
    everything = depot.rows("belege/auftraege")

    answer = depot.get("belege/auftraege", items=1000, **query)

    expected = [row for row in everything if fits(row)]
    found = answer.json()["data"] if expected else []
    assert found == expected
    assert answer.status_code == (200 if expected else 404)


@pytest.mark.parametrize(
    ("asked", "served"), [({}, 20), ({"items": 7}, 7), ({"items": 1001}, 20), ({"items": 0}, 20)]
)
def test_page_sizes_out_of_bounds_are_the_default(depot: Depot, asked: dict[str, int], served: int):
    body = depot.get("artikel", **asked).json()

    assert len(body["data"]) == body["pagination"]["items_per_page"] == served
    assert body["pagination"]["page_last"] == -(-body["pagination"]["items_total"] // served)


def test_a_page_beyond_the_last_is_not_found(depot: Depot):
    assert code(depot.get("artikel", page=99)) == (404, 7452)


def test_positions_come_only_when_they_are_asked_for(depot: Depot):
    assert "positionen" not in depot.rows("belege/lieferscheine")[0]
    assert depot.rows("belege/lieferscheine", include="positionen")[0]["positionen"]
    assert code(depot.get("belege/lieferscheine", include="tracking")) == (400, 7454)


def test_the_warehouse_packs_what_the_books_say(box: Sandbox, depot: Depot):
    notes = {row["belegnr"]: row for row in depot.rows("belege/lieferscheine") if row["belegnr"]}
    labels = depot.rows("trackingnummern")
    orders = {row["belegnr"]: row for row in depot.rows("belege/auftraege")}
    packages = [
        box.control.document("acme", "zoho", i, "packages")
        for i in box.control.ids("acme", "zoho", "packages")
    ]

    assert {row["tracking"] for row in labels} == {
        each["tracking_number"] for each in packages if each["tracking_number"]
    }
    for row in labels:
        assert notes[row["lieferschein"]]["auftragid"] == orders[row["auftrag"]]["id"]
        assert orders[row["auftrag"]]["internet"] == row["internet"]


def test_types_are_those_of_the_columns(depot: Depot):
    order, label = depot.rows("belege/auftraege", include="positionen")[0], depot.rows(
        "trackingnummern")[0]  # fmt: skip

    assert (order["projekt"], label["projekt"]) == ("2", 2)
    assert re.fullmatch(r"\d+\.\d{4}", order["positionen"][0]["menge"])
    assert (order["lieferdatum"], order["teillieferungvon"]) == ("0000-00-00", 0)
