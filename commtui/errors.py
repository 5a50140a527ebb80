"""Errors, named for what the caller has to do.

CommError
  ConfigError                   a setting is wrong: exit code 2
  UsageError                    a request makes no sense: exit code 2
  NotFound                      no such thing
  Ambiguous                     an id fits several things
  Refused                       a rule forbids it; says which
  DatabaseAway                  exit code 3; the console reconnects by itself
    NoRoom                      it answers, but its disk is full, or nearly so
  ProviderError(provider, code, words)
    NotSent(retry_after)        surely nothing was accepted: the same entry waits and tries again
      RateLimited
      NotYet                    a step has to wait for the provider's own work: nothing is wrong
    Stopped                     our own check, made on the way, says that this must not be sent
    AccountTrouble              about our account: pause the provider, nobody's failure
    Rejected                    a plain no to this message
    UnknownOutcome              it may have been accepted: never resent by itself
  WebhookError
    BadSignature
    Unreadable
"""

from __future__ import annotations


class CommError(Exception):
    """Something an operator or a caller can act on."""


class ConfigError(CommError):
    """A setting is missing or wrong; the text names file, key, what was found and what is allowed."""


class UsageError(CommError):
    """The request makes no sense as it was made."""


class NotFound(CommError):
    """Nothing has this id."""


class Ambiguous(CommError):
    """The id fits more than one thing; the text lists them."""


class Refused(CommError):
    """A rule forbids this; the text says which, and what would help."""


class DatabaseAway(CommError):
    """The database does not answer."""


class NoRoom(DatabaseAway):
    """There is no room for more: nothing was written, and it works again once there is."""


class ProviderError(CommError):
    """A provider did not accept a message; `words` are its own and untrusted."""

    def __init__(self, provider: str, code: str, words: str = "") -> None:
        super().__init__(f"{provider}: {code}")
        self.provider = provider
        self.code = code
        self.words = words


class NotSent(ProviderError):
    """Nothing was accepted, for certain; the same entry may try again, after `retry_after` seconds if given."""

    def __init__(
        self, provider: str, code: str, words: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(provider, code, words)
        self.retry_after = retry_after


class RateLimited(NotSent):
    """The provider asks us to wait; it may have said how long."""


class NotYet(NotSent):
    """The provider still works on an earlier step; the next one follows when it is asked again."""


class Stopped(ProviderError):
    """A check of ours that needed the provider or the document's bytes: nothing irreversible was done."""


class AccountTrouble(ProviderError):
    """The provider refuses our account, not this message: pause it and tell somebody."""


class Rejected(ProviderError):
    """The provider's plain no to this message."""


class UnknownOutcome(ProviderError):
    """The request may have been accepted: only a webhook, a look-up or an operator can settle it."""


class WebhookError(CommError):
    """A webhook call that cannot be taken as it is."""


class BadSignature(WebhookError):
    """The signature does not fit the bytes."""


class Unreadable(WebhookError):
    """The body is not what this provider sends."""
