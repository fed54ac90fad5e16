"""What the engine relies on in every client: a new system gets these by being in the registry."""

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from assets import registry
from resources.shell import SystemResource
from sandbox.runner import Sandbox
from schemabase_dagster.engine.incoming import modified_at, record_id
from schemabase_dagster.errors import CredentialError, ProviderError, ProviderUnavailable
from schemabase_dagster.streams import Client, Page, Stream
from schemabase_dagster.systems import System
from tests.resources.contract.conftest import (
    IS_LIVE,
    MERCHANT,
    Connect,
    Settings,
    first_pages,
    is_listed,
)

stand_in_only = pytest.mark.skipif(IS_LIVE, reason="a real account does not fail on demand")
SAMPLE = 3


def ids_of(stream: Stream, pages: Iterable[Page]) -> list[str]:
    return [record_id(stream, record) or "" for page in pages for record in page.records]


def times_of(stream: Stream, pages: Iterable[Page]) -> list[datetime]:
    found = [modified_at(stream, record) for page in pages for record in page.records]
    return [each for each in found if each is not None]


def known_ids(stream: Stream, pages: Sequence[Page]) -> list[str]:
    """Return ids, or skip where the account holds nothing or the engine never asks by id."""
    if stream.deletes == "never" and not stream.detail and stream.webhook is None:
        pytest.skip("nobody asks for a record of it by its id")
    found = ids_of(stream, pages)
    if not found:
        pytest.skip("the account has no such record")
    return found


def unused(external_id: str) -> str:
    """Return an id of the same shape that nobody has."""
    try:
        kind, colon, _ = base64.b64decode(external_id, validate=True).decode().partition(":")
        if colon:
            return base64.b64encode(f"{kind}:{uuid4()}".encode()).decode()
    except (binascii.Error, UnicodeDecodeError):
        pass
    digits = re.sub(r"\d{1,6}$", "", external_id)
    return f"{digits}{'9' * (len(external_id) - len(digits))}" if digits != external_id else "none"


def test_check_proves_the_credentials_and_shows_none(client: Client, settings: Settings):
    facts = client.check()

    assert facts
    assert all(isinstance(value, str) for value in facts.values())
    assert not [secret for secret in settings[1].values() if secret in repr(facts)]


def test_wrong_credentials_are_refused(
    connect: Connect, settings: Settings, resource: SystemResource
):
    config, secrets = settings
    if not secrets:
        pytest.skip("the system has no credentials")
    wrong = {name: secret[:-1] + ("a" if secret[-1] != "a" else "b") for name, secret in
             secrets.items()}  # fmt: skip

    with resource.open(connect((config, wrong))) as client, pytest.raises(CredentialError) as told:
        client.check()

    assert not [secret for secret in wrong.values() if secret in str(told.value)]


def test_every_record_has_an_id_and_a_readable_time(stream: Stream, pages: list[Page]):
    records = [record for page in pages for record in page.records]

    assert all(record_id(stream, record) for record in records)
    if stream.modified_field is not None:
        assert len(times_of(stream, pages)) == len(records)


def test_pages_are_counted_and_only_the_last_ends_the_listing(pages: list[Page]):
    assert [page.number for page in pages] == list(range(1, len(pages) + 1))
    assert all(page.resume is not None for page in pages[:-1])
    assert all(page.listed_at.tzinfo is not None for page in pages)


def test_no_record_is_listed_twice(stream: Stream, pages: list[Page]):
    listed = ids_of(stream, pages)

    assert len(listed) == len(set(listed))


def test_listing_is_in_the_order_that_the_stream_declares(stream: Stream, pages: list[Page]):
    times = times_of(stream, pages)

    if stream.order == "ascending":
        assert times == sorted(times)
    if stream.order == "descending":
        assert times == sorted(times, reverse=True)


def test_interrupted_listing_goes_on_without_a_gap(
    client: Client, stream: Stream, pages: list[Page]
):
    if not pages or pages[0].resume is None:
        pytest.skip("the listing has one page")

    rest = first_pages(client, stream, resume=pages[0].resume)

    wanted = set(ids_of(stream, pages[1:2]))
    assert wanted <= set(ids_of(stream, [pages[0], *rest]))


def test_incremental_listing_leaves_nothing_out_that_changed(
    client: Client, stream: Stream, pages: list[Page]
):
    if stream.modified_field is None:
        pytest.skip("the records have no time")
    dated = [(modified_at(stream, record), record_id(stream, record))
             for page in pages[:1] for record in page.records]  # fmt: skip
    if not dated:
        pytest.skip("the account has no such record")
    since = sorted(at for at, _ in dated if at is not None)[len(dated) // 2]

    changed = first_pages(client, stream, since=since.astimezone(UTC))

    wanted = {key for at, key in dated if at is not None and at >= since}
    assert wanted <= set(ids_of(stream, changed))


def test_records_are_fetched_by_id(client: Client, stream: Stream, pages: list[Page]):
    wanted = known_ids(stream, pages)[:SAMPLE]

    fetched = {each.external_id: each.record for each in client.iter_details(stream, wanted)}

    assert set(fetched) == set(wanted)
    assert all(record is not None for record in fetched.values())


def test_unknown_id_is_gone_and_a_known_one_is_not(
    client: Client, stream: Stream, pages: list[Page]
):
    known = known_ids(stream, pages)[0]
    nobody = unused(known)

    found = {each.external_id: each.record for each in client.look_up(stream, [known, nobody])}

    assert found[nobody] is None
    assert found[known] is not None


def test_calls_are_counted(client: Client, stream: Stream):
    listed = first_pages(client, stream)

    assert client.calls >= len(listed) or not ids_of(stream, listed)


def test_an_id_that_is_asked_for_may_be_unknown(system: System, client: Client):
    asked = [each for each in registry.streams_of(system.name).values() if each.asked is not None]
    if not asked:
        pytest.skip("the system lists what it has")

    (found,) = client.iter_details(asked[0], ["0000000000"])

    assert found.record is None


@stand_in_only
@pytest.mark.parametrize("fault", ["error_500", "html_502", "cut_body", "invalid_json"])
def test_outage_fails_a_question_as_passing(
    system: System, client: Client, large_sandbox: Sandbox, fault: str
):
    asked = [each for each in registry.streams_of(system.name).values() if each.asked is not None]
    if not asked:
        pytest.skip("the system lists what it has")
    large_sandbox.control.add_fault(fault, MERCHANT, system.name, times=None)
    packages = (large_sandbox.control.document(MERCHANT, "zoho", each, "packages")
                for each in large_sandbox.control.ids(MERCHANT, "zoho", "packages"))  # fmt: skip
    number = next(each["tracking_number"] for each in packages
                  if each["delivery_method"].lower() == system.name)  # fmt: skip

    with pytest.raises(ProviderUnavailable):
        list(client.iter_details(asked[0], [number]))


@stand_in_only
@pytest.mark.parametrize("fault", ["error_500", "html_502", "cut_body", "invalid_json"])
def test_outage_fails_the_listing_as_passing(
    system: System, client: Client, large_sandbox: Sandbox, fault: str
):
    listed = [each for each in registry.streams_of(system.name).values() if is_listed(each)]
    if not listed:
        pytest.skip("the system lists nothing")
    stream = next(each for each in listed if ids_of(each, first_pages(client, each)))
    large_sandbox.control.add_fault(fault, MERCHANT, system.name, times=None)

    with pytest.raises(ProviderUnavailable):
        first_pages(client, stream)


@stand_in_only
def test_failure_in_the_middle_of_a_listing_is_never_a_short_listing(
    system: System, client: Client, large_sandbox: Sandbox, stream: Stream, pages: list[Page]
):
    if len(pages) < 2:
        pytest.skip("the listing has one page")
    large_sandbox.control.add_fault(
        "error_500", MERCHANT, system.name, where="list", times=None, after=1
    )

    with pytest.raises(ProviderError):
        list(client.iter_pages(stream, since=None))
