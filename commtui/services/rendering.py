"""Making texts and letters from templates, before the attempt that sends them is written.

What was made is stored and is what is sent; a resend repeats it. Only a letter whose address was corrected is made
anew, from the same version of its template and the same context.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from commtui.config import Settings
from commtui.domain import postal, sms
from commtui.domain.templates import TemplateError, TemplateVersion
from commtui.domain.text import line
from commtui.domain.vocabulary import Channel
from commtui.store import renderings
from commtui.store.engine import Database
from commtui.store.prospects import Prospect
from commtui.store.renderings import Kept, Made, Source

if TYPE_CHECKING:
    from commtui.services.letters import Window
    from commtui.services.templates import Library

log = logging.getLogger(__name__)

TEXTS = frozenset({Channel.EMAIL, Channel.SMS})
NOT_YET = "its text is not made yet: try again in a moment"
PROBLEMS_KEPT = 10_000
STORED_AT_ONCE = 25
"""Renderings per transaction: well below 200 ms on either engine."""


class Rendering:
    """Renders for one process; usable from several threads."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._made_library: Library | None = None
        self._problems: dict[str, str] = {}

    def ensure(self, communication_ids: Sequence[str]) -> dict[str, int]:
        """Make the texts of those among these that have a template, unless what is stored is the same.

        Returns the version that each was made in, or could not be made in: `problem` tells why.
        """
        return self._ensure(communication_ids, letters=False)

    def ensure_letters(self, communication_ids: Sequence[str]) -> None:
        """Make their letters for the addresses that their customers have now."""
        self._ensure(communication_ids, letters=True)

    def look(self, communication_id: str) -> str:
        """Why the texts of a communication cannot be made; empty when they can, or come from no template."""
        with self._database.read() as connection:
            found = renderings.sources(connection, [communication_id])
        for about in found:
            self._tried(about, letters=False)
        return self._problems.get(communication_id, "")

    def problem(self, prospect: Prospect) -> str:
        """Why the text or the letter of a communication does not exist; empty if that is not known."""
        return self._problems.get(prospect.communication_id, "")

    def letter_again(
        self, communication_id: str, version: int, rendering: int, address: str, country: str
    ) -> tuple[int, str]:
        """A letter that was made before, for another address: the new rendering's number and content hash.

        Raises TemplateError.
        """
        with self._database.read() as connection:
            kept = renderings.kept(connection, communication_id, version, rendering)
        if kept is None:
            raise TemplateError(
                "the letter's template", "it is no longer kept; send the message anew"
            )
        made = self._with_address(kept, address, country or self._settings.sending.country)
        with self._database.write() as connection:
            number = renderings.put(
                connection, communication_id, version, made, self._database.now()
            )
        return number, made.content_hash

    def _with_address(self, kept: Kept, address: str, country: str) -> Made:
        template = TemplateVersion(
            kept.kind, kept.language, kept.made.template_version, kept.sources
        )
        letter = self._library.with_address(
            template, kept.made.context, address, country, self._window(address, country)
        )
        return replace(kept.made, letter=letter, letter_for=address)

    def _ensure(self, communication_ids: Sequence[str], *, letters: bool) -> dict[str, int]:
        with self._database.read() as connection:
            found = renderings.sources(connection, communication_ids)
        new: list[tuple[Source, TemplateVersion, Made]] = []
        for about in found:
            made = self._tried(about, letters=letters)
            if made is not None and not _same(about, made[1]):
                new.append((about, *made))
            if len(new) == STORED_AT_ONCE:
                self._store(new)
                new = []
        self._store(new)
        return {about.communication_id: about.version for about in found}

    def _store(self, new: Sequence[tuple[Source, TemplateVersion, Made]]) -> None:
        if not new:
            return
        with self._database.write() as connection:
            now = self._database.now()
            for template in {item.version: item for _, item, _ in new}.values():
                renderings.keep_template(
                    connection,
                    template.version,
                    template.kind,
                    template.language,
                    template.sources,
                    now,
                )
            for about, _, made in sorted(new, key=lambda item: item[0].communication_id):
                renderings.put(connection, about.communication_id, about.version, made, now)

    def _tried(self, about: Source, *, letters: bool) -> tuple[TemplateVersion, Made] | None:
        """What the template makes, or None with the problem remembered."""
        try:
            made = self._make(about, letters=letters)
        except TemplateError as error:
            problem = line(str(error), 300)
        except Exception as error:
            log.exception("a template of kind %s failed in our own code", line(about.kind, 100))
            problem = f"its template failed: {type(error).__name__}"
        else:
            self._problems.pop(about.communication_id, None)
            return made
        if len(self._problems) > PROBLEMS_KEPT:
            self._problems.clear()
        self._problems[about.communication_id] = problem
        return None

    def _make(self, about: Source, *, letters: bool) -> tuple[TemplateVersion, Made]:
        template = self._library.find(about.kind, about.language)
        if template is None:
            raise TemplateError(
                f"kind {about.kind}",
                "there is no template for it; add one (see docs/templates.md), or deliver `content`",
            )
        now = self._database.now()
        context = {**about.context, "today": _day(now)}
        wanted = TEXTS | {Channel.POST} if letters else TEXTS
        country = about.country or self._settings.sending.country
        made = self._library.render(
            template,
            context,
            wanted & template.channels,
            address=about.postal,
            country=country,
            window=self._window(about.postal, country),
        )
        return template, Made(
            template_version=template.version,
            context=context,
            subject=made.subject,
            text=made.text,
            html=made.html,
            sms=made.sms,
            offers_letter=Channel.POST in template.channels,
            letter=made.letter,
            letter_for=about.postal if made.letter else "",
        )

    def _window(self, address: str, country: str) -> Window:
        """Where envelopes to this address have their window, unless the settings say it."""
        fixed = self._settings.ping.address_position
        if fixed:
            return "right" if fixed == "right" else "left"
        return postal.window(postal.parse(address, country).country)

    @property
    def _library(self) -> Library:
        if self._made_library is None:
            # only here: the template engines cost every command a tenth of a second
            from commtui.services.templates import Library

            self._made_library = Library(self._settings.templates.folder)
        return self._made_library


def warnings(prospect: Prospect, channel: Channel) -> list[str]:
    """What a text message costs more than one part for, and the character that makes it so."""
    if channel is not Channel.SMS or not prospect.texts.sms:
        return []
    measured = sms.measure(prospect.texts.sms)
    if measured.parts <= 1 and not measured.culprit:
        return []
    because = f": “{measured.culprit}” forces {measured.encoding}" if measured.culprit else ""
    parts = "1 part" if measured.parts == 1 else f"{measured.parts} parts"
    return [f"sms in {parts}{because}"]


def _same(about: Source, made: Made) -> bool:
    """What is stored is what would be made: then it is what is sent, letter and all."""
    half = len(made.content_hash) // 2
    return (
        about.template_version == made.template_version
        and about.content_hash[:half] == made.content_hash[:half]
        and (made.letter is None or about.content_hash == made.content_hash)
    )


def _day(now: datetime) -> str:
    return now.astimezone(UTC).date().isoformat()
