"""BraintreeClient: searches transactions and disputes of one merchant and reads its fee report."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import braintree

from resources.api import Api, ApiClient, ClientOptions, open_api, read_credentials
from resources.braintree.records import dispute_record, fee_records, transaction_record
from resources.braintree.sdk import SYSTEM, ApiStrategy, judge, open_gateway, understood
from resources.braintree.source import DisputeSearch, FeeReport, TransactionSearch
from resources.braintree.system import BRAINTREE, BraintreeConfig, BraintreeCredentials
from resources.braintree.windows import Window, end_of_minute, floor_minute
from resources.http import Call
from resources.limits import Limits
from resources.paging import chunked, read_ahead
from schemabase_dagster.clock import utc_now
from schemabase_dagster.errors import ProviderContractError, ProviderRejected
from schemabase_dagster.streams import Fetched, JsonObject, Lane, Page, Stream
from schemabase_dagster.tenancy import App

IDS_IN_SEARCH: Final = 50
"""The gateway gives transactions in pieces of 50."""
CONCURRENCY: Final = 3
NO_DAILY_LIMIT: Final = 1_000_000
LONGEST_WINDOW: Final = timedelta(days=90)
"""Searches of a time without any transaction may become so long."""
DAY: Final = timedelta(days=1)

FEES_QUERY: Final = """
query Fees($date: Date!, $account: ID) {
  report { paymentLevelFees(date: $date, merchantAccountId: $account) { url } }
}
"""


class BraintreeClient(ApiClient):
    """Client of one Braintree app, for the engine's ``Client`` protocol.

    Args:
        api: calls of the app.
        config: the app's configuration.
        credentials: its keys.
    """

    def __init__(
        self, api: Api, config: BraintreeConfig, credentials: BraintreeCredentials
    ) -> None:
        super().__init__(api)
        self._config = config
        self._strategy = ApiStrategy(api)
        self._gateway = open_gateway(config, credentials, self._strategy)

    def iter_pages(
        self, stream: Stream, *, since: datetime | None, resume: JsonObject | None = None
    ) -> Iterator[Page]:
        """List records, the newest first, read ahead by one page.

        Args:
            stream: its ``source`` is one of those of ``resources.braintree``.
            since: only transactions to which something happened at or after it, disputes received
                or fees reported from that day on.
            resume: ``{"until": instant}`` of an interrupted listing; the window that ended there is
                read again.
        """
        match stream.source:
            case TransactionSearch() as source:
                if since is None:
                    return read_ahead(self._all_transactions(source, resume))
                return read_ahead(self._changed_transactions(source, since))
            case DisputeSearch():
                return read_ahead(self._disputes(since))
            case FeeReport():
                return read_ahead(self._fees(since, resume))
            case _:
                raise TypeError(f"source of stream '{stream.name}' is none of Braintree's")

    def iter_details(self, stream: Stream, ids: Iterable[str]) -> Iterator[Fetched]:
        """Fetch records by id: transactions 50 at a time, disputes one by one.

        Rows of the fee report have no call of their own: an id of one is never asked for.
        """
        if isinstance(stream.source, TransactionSearch):
            for chunk in chunked(ids, IDS_IN_SEARCH):
                found = {record["id"]: record for record in self._by_ids(chunk)}
                at = self._strategy.made_at
                yield from (Fetched(one, found.get(one), at) for one in chunk)
        elif isinstance(stream.source, DisputeSearch):
            for one in ids:
                records = list(self._found_disputes([braintree.DisputeSearch.id == one]))
                yield Fetched(one, next(iter(records), None), self._strategy.made_at)

    def look_up(self, stream: Stream, ids: Iterable[str]) -> Iterator[Fetched]:
        """Tell which ids are gone: as ``iter_details``."""
        return self.iter_details(stream, ids)

    def count(self, stream: Stream) -> int | None:
        """Return None: no call tells how many records there are."""
        del stream
        return None

    def check(self) -> Mapping[str, str]:
        """Prove the keys by listing the merchant accounts."""
        accounts = self._merchant_accounts()
        shown = (f"{each.id} ({getattr(each, 'currency_iso_code', '?')})" for each in accounts)
        return {
            "merchant": f"{self._config.merchant_id} ({self._config.environment})",
            "merchant accounts": ", ".join(shown),
        }

    def _all_transactions(
        self, source: TransactionSearch, resume: JsonObject | None
    ) -> Iterator[Page]:
        """List all transactions, window by window: a whole listing is never held at once."""
        first = datetime.combine(self._config.first_day, time.min, UTC)
        until = _until(resume) or end_of_minute(utc_now())
        usual = timedelta(days=self._config.window_days)
        length, number = usual, 0
        while until > first:
            window = Window(max(first, until - length), until)
            found = 0
            for each, collection in self._searches(source.whole, window):
                for records in self._read(collection):
                    found, number = found + len(records), number + 1
                    position = {"until": each.end.isoformat()}
                    yield Page(records, number, position, self._strategy.made_at)
            until = window.begin
            length = usual if found else min(2 * length, LONGEST_WINDOW)
        yield Page([], number + 1, None, self._strategy.made_at)

    def _changed_transactions(self, source: TransactionSearch, since: datetime) -> Iterator[Page]:
        """List what one of the times tells of, each transaction once, as it is now.

        They are read by id: a search by a time that moves would leave out what moved meanwhile.
        """
        listed_at = utc_now()
        whole = Window(floor_minute(since.astimezone(UTC)), end_of_minute(listed_at))
        ids = {
            one: None
            for field in source.changed
            for window in _cut(whole, timedelta(days=self._config.window_days))
            for _, collection in self._searches(field, window)
            for one in collection.ids
        }
        number = 0
        for chunk in chunked(ids, IDS_IN_SEARCH):
            number += 1
            yield Page(list(self._by_ids(chunk)), number, {"changed": number}, listed_at)
        yield Page([], number + 1, None, listed_at)

    def _searches(self, field: str, window: Window) -> Iterator[tuple[Window, Any]]:
        """Search a window; one that finds as many ids as a search may give is split.

        Raises:
            ProviderRejected: a single minute has so many.
        """
        waiting = [window]
        while waiting:
            each = waiting.pop()
            criterion = getattr(braintree.TransactionSearch, field)
            found = self._search([criterion.between(_naive(each.begin), _naive(each.last))])
            if len(found.ids) < self._config.search_limit:
                yield each, found
            elif each.is_shortest:
                what = f"search {field}: a minute has more transactions than search_limit"
                raise ProviderRejected(SYSTEM, what)
            else:
                newer, older = each.halves()
                waiting += [older, newer]

    def _by_ids(self, ids: Sequence[str]) -> Iterator[JsonObject]:
        found = self._search([braintree.TransactionSearch.ids.in_list(list(ids))])
        for records in self._read(found):
            yield from records

    def _search(self, criteria: list[Any]) -> Any:
        with understood("search transactions"):
            return self._gateway.transaction.search(criteria)

    @staticmethod
    def _read(collection: Any) -> Iterator[list[JsonObject]]:
        """Yield the transactions that a search found, in the pieces in which they are fetched."""
        pieces = chunked(collection.items, IDS_IN_SEARCH)
        while True:
            with understood("read transactions"):
                piece = next(pieces, None)
                if piece is None:
                    return
                records = [transaction_record(each) for each in piece]
            yield records

    def _disputes(self, since: datetime | None) -> Iterator[Page]:
        criteria = []
        if since is not None:
            criteria.append(braintree.DisputeSearch.received_date >= since.astimezone(UTC).date())
        listed_at, number = utc_now(), 0
        pieces = chunked(self._found_disputes(criteria), IDS_IN_SEARCH)
        records: list[JsonObject] | None = next(pieces, [])
        while records is not None:
            number, following = number + 1, next(pieces, None)
            position = {"disputes": number} if following is not None else None
            yield Page(records, number, position, listed_at)
            records = following

    def _found_disputes(self, criteria: list[Any]) -> Iterator[JsonObject]:
        with understood("search disputes"):
            for dispute in self._gateway.dispute.search(criteria).disputes.items:
                yield dispute_record(dispute)

    def _fees(self, since: datetime | None, resume: JsonObject | None) -> Iterator[Page]:
        """Read the reports of one day after the other, the newest first."""
        if not self._config.fee_report_days:
            yield Page([], 1, None, utc_now())
            return
        today = utc_now().date()
        first = max(self._config.first_day, today - self._config.fee_report_days * DAY)
        first = max(first, since.date()) if since is not None else first
        day = min(today, (_until(resume) or utc_now()).date())
        accounts = [str(each.id) for each in self._merchant_accounts()]
        number = 0
        while day >= first:
            number += 1
            records = [record for each in accounts for record in self._fees_of(each, day)]
            position = {"until": datetime.combine(day, time.min, UTC).isoformat()}
            at = self._strategy.made_at
            yield Page(records, number, position if day > first else None, at)
            day -= DAY

    def _fees_of(self, account: str, day: date) -> list[JsonObject]:
        """Return the rows of one report; there may be none of that day."""
        variables = {"date": day.isoformat(), "account": account}
        with understood("fee report"):
            answer = self._gateway.graphql_client.query(FEES_QUERY, variables, "Fees")
            url = answer["data"]["report"]["paymentLevelFees"]["url"]
        if not url:
            return []
        if not isinstance(url, str) or not self._may_read(url):
            raise ProviderContractError(SYSTEM, "fee report: the address is not one of https")
        call = Call("detail", "read fee report", "GET", url, as_text=True)
        reply = self._api.call_openly(call, judge)
        return list(fee_records(reply.payload.splitlines(), day))

    def _may_read(self, url: str) -> bool:
        """Tell whether a report may be fetched from there: by TLS, or from the stand-in."""
        own = urlsplit(self._config.api_url or "")
        parts = urlsplit(url)
        return parts.scheme == "https" or (parts.scheme, parts.netloc) == (own.scheme, own.netloc)

    def _merchant_accounts(self) -> list[Any]:
        with understood("list merchant accounts"):
            return list(self._gateway.merchant_account.all().merchant_accounts.items)


@contextmanager
def open_client(app: App, options: ClientOptions, lane: Lane) -> Iterator[BraintreeClient]:
    """Open the client of an app and close it at the end.

    Args:
        app: an app of type ``braintree``.
        options: set by the resource.
        lane: share of the account's budget.
    """
    config = BraintreeConfig.model_validate(app.config)
    credentials = read_credentials(app, BRAINTREE)
    limits = Limits(
        calls_per_minute=config.calls_per_minute,
        calls_per_day=NO_DAILY_LIMIT,
        concurrency=CONCURRENCY,
    )
    account = f"braintree:{BRAINTREE.instance_key(config)}"
    with open_api(app, options, lane, account=account, limits=limits) as api:
        yield BraintreeClient(api, config, credentials)


def _cut(window: Window, longest: timedelta) -> Iterator[Window]:
    """Cut a window into ones that are not longer, the newest first."""
    until = window.end
    while until > window.begin:
        begin = max(window.begin, until - longest)
        yield Window(begin, until)
        until = begin


def _until(resume: JsonObject | None) -> datetime | None:
    text = (resume or {}).get("until")
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def _naive(at: datetime) -> datetime:
    """Return UTC without a zone: the SDK writes the digits of any zone as if they were UTC."""
    return at.astimezone(UTC).replace(tzinfo=None)
