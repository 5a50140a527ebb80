"""Templates: what ships, where they are found, what is wrong with them, and that nothing from outside runs in them."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from commtui.domain import sms
from commtui.domain.templates import TemplateVersion, version_of
from commtui.domain.vocabulary import Channel
from commtui.services.templates import SHIPPED, Library, TemplateError

EMAIL, SMS, POST = (frozenset({channel}) for channel in (Channel.EMAIL, Channel.SMS, Channel.POST))
EVERY = EMAIL | SMS | POST
KINDS = ("contract", "invoice", "notice", "reminder")
LANGUAGES = ("de", "en", "fr", "nl")
ADDRESS = "Rosa Muster\nLange Straat 12\n1012 AB Amsterdam"
BASE = {
    "customer": {"id": "K-7", "name": "Rosa Müster", "language": "nl", "country": "NL"},
    "subject": {"type": "invoice", "reference": "F-2026-17", "title": "January"},
    "kind": "invoice",
    "today": "2026-01-15",
}
INVOICE = {**BASE, "amount": "120.00", "due": "2026-08-01"}
ONE_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def template(language: str = "fr", **sources: str) -> TemplateVersion:
    """A template of these files; `txt`, `html` and so on stand for their names."""
    names = {
        "subject": "email.subject.j2",
        "txt": "email.txt.j2",
        "html": "email.html.j2",
        "sms": "sms.j2",
        "letter": "letter.typ",
        "sample": "sample.json",
    }
    files = {names.get(key, key): source for key, source in sources.items()}
    return TemplateVersion("invoice", language, version_of(files), files)


def said(source: str, channels: frozenset[Channel] = SMS, /, **context: Any) -> str:
    """What a template makes of a context."""
    made = Library().render(
        template(subject="S", txt=source, html=source, sms=source), {**BASE, **context}, channels
    )
    return made.sms or made.html


def refused(source: str, /, **context: Any) -> str:
    with pytest.raises(TemplateError) as caught:
        said(source, **context)
    return str(caught.value)


def words(version: TemplateVersion) -> list[str]:
    """What the check finds, one line each."""
    return [f"{problem.place}: {problem.words}" for problem in Library().check(version)]


def own(folder: Path, kind: str, language: str, **files: str) -> Path:
    """A template in a folder of the user's."""
    place = folder / kind / language
    place.mkdir(parents=True, exist_ok=True)
    for name, source in template(**files).sources.items():
        (place / name).write_text(source, encoding="utf-8")
    return place


# what ships


def test_four_kinds_ship_in_four_languages_for_three_channels() -> None:
    shipped = Library().all()
    assert [(version.kind, version.language) for version in shipped] == [
        (kind, language) for kind in KINDS for language in LANGUAGES
    ]
    assert {version.channels for version in shipped} == {EVERY}
    assert len({version.version for version in shipped}) == len(shipped)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_ships_is_without_problems_and_makes_everything(kind: str, language: str) -> None:
    library = Library()
    version = library.find(kind, language)
    assert version is not None
    assert library.check(version) == []
    made = library.render(version, library.sample(version), EVERY, ADDRESS, "NL")
    assert made.version == version.version
    assert made.subject
    assert "\n" not in made.subject
    assert made.text.endswith("\n")
    assert "Example Ltd" in made.text
    assert f'<html lang="{language}">' in made.html
    assert Loaded.by(made.html) == set()
    assert made.letter is not None
    assert made.letter.startswith(b"%PDF-")
    measured = sms.measure(made.sms)
    assert (measured.encoding, measured.parts) == (sms.GSM_7, 1)


@pytest.mark.parametrize("kind", ["contract", "invoice", "reminder"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_ships_asks_for_little_and_its_text_message_is_one_part_in_every_month(
    kind: str, language: str
) -> None:
    library = Library()
    version = library.find(kind, language)
    assert version is not None
    for month in range(1, 13):
        due = f"2026-{month:02}-28"
        least = {**BASE, "amount": "98765.43", "due": due, "days_overdue": month, "reply_by": due}
        made = library.render(version, least, EVERY, ADDRESS, "FR")
        assert "F-2026-17" in made.subject
        assert sms.measure(made.sms).parts == 1
        assert "IBAN" not in made.text


def test_one_day_and_several_days_are_said_differently() -> None:
    library = Library()
    for language, one, many in (
        ("en", "1 day ago", "2 days ago"),
        ("fr", "1 jour,", "2 jours,"),
        ("nl", "1 dag geleden", "2 dagen geleden"),
        ("de", "seit 1 Tag.", "seit 2 Tagen."),
    ):
        version = library.find("reminder", language)
        assert version is not None
        for days, wanted in ((1, one), ("1", one), (2, many)):
            context = {**INVOICE, "days_overdue": days}
            assert wanted in library.render(version, context, EMAIL).text


class Loaded(HTMLParser):
    """Collects what a mail program would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    @classmethod
    def by(cls, html: str) -> set[str]:
        parser = cls()
        parser.feed(html)
        return parser.found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name for name, value in attrs if name in ("src", "href", "background", "srcset")}
        if named or tag in ("script", "iframe", "object", "link", "form"):
            self.found.add(tag)
        if any("url(" in (value or "") for _, value in attrs):
            self.found.add(tag)


# rendering


def test_only_what_the_channels_need_is_made() -> None:
    version = template(subject="{{ a }}", txt="{{ b }}", sms="{{ c }}", letter="#missing")
    made = Library().render(version, {"c": "text"}, SMS)
    assert (made.sms, made.subject, made.text, made.html, made.letter) == ("text", "", "", "", None)


def test_a_channel_without_content_is_refused_with_what_to_add() -> None:
    with pytest.raises(TemplateError, match=r"invoice/fr: it has nothing for Post; add letter.typ"):
        Library().render(template(sms="x"), BASE, POST)


@pytest.mark.parametrize("name", ["subject", "txt", "sms"])
def test_an_empty_text_is_refused(name: str) -> None:
    sources = {"subject": "S", "txt": "T", "sms": "M"} | {name: "{{ empty }}"}
    with pytest.raises(TemplateError, match="it makes an empty text"):
        Library().render(template(**sources), {"empty": " \n"}, EMAIL | SMS)


def test_a_subject_is_one_line_whatever_the_context_says() -> None:
    version = template(subject="About\n{{ title }}", txt="x")
    context = {"title": "a\r\nBcc: b@example.com\x0b\x85\u2028c"}
    made = Library().render(version, context, EMAIL)
    assert made.subject == "About a Bcc: b@example.com c"


def test_a_missing_value_is_named_with_file_line_and_remedy() -> None:
    version = template(subject="S", txt="Bonjour\n\n{{ amount }}")
    with pytest.raises(TemplateError) as caught:
        Library().render(version, BASE, EMAIL)
    assert str(caught.value) == (
        "invoice/fr email.txt.j2 line 3: 'amount' is undefined; deliver it in `context`"
    )
    assert "'city' is undefined" in refused("{{ customer.city }}")
    assert "'a' is undefined" in refused("{% if a %}x{% endif %}")
    assert "'a' is undefined" in refused("{% for x in a %}x{% endfor %}y")
    assert "'a' is undefined" in refused("{{ a }}", a=None)


def test_a_missing_value_in_an_included_file_is_named_there() -> None:
    files = {"subject": "S", "txt": "{% include 'foot.txt.j2' %}", "foot.txt.j2": "a\n{{ b }}"}
    with pytest.raises(TemplateError, match=r"^invoice/fr foot.txt.j2 line 2: 'b' is undefined"):
        Library().render(template(**files), BASE, EMAIL)


def test_a_value_may_be_called_like_a_method() -> None:
    assert said("{{ order.items | join('+') }}", order={"items": ["a", "b"]}) == "a+b"
    assert said("{% for k, v in order.items() %}{{ k }}{{ v }}{% endfor %}", order={"a": 1}) == "a1"


@pytest.mark.parametrize(
    ("language", "amount", "day", "short"),
    [
        ("en", "€1,234.50", "1 August 2026", "1 Aug 2026"),
        ("fr", "1 234,50 €", "1er août 2026", "01/08/2026"),
        ("nl-BE", "€ 1.234,50", "1 augustus 2026", "01-08-2026"),
        ("de", "1.234,50 €", "1. August 2026", "01.08.2026"),
    ],
)
def test_amounts_and_dates_are_those_of_the_language(
    language: str, amount: str, day: str, short: str
) -> None:
    source = "{{ a | money }}|{{ d | day }}|{{ d | day('short') }}"
    version = template(language, subject="S", txt=source, sms=source)
    made = Library().render(version, {"a": "1234.5", "d": "2026-08-01"}, EMAIL | SMS)
    assert made.sms == f"{amount}|{day}|{short}"
    # in an email a number is not torn apart at the end of a line
    assert made.text == f"{amount.replace(' ', chr(0xA0))}|{day}|{short}\n"


def test_what_is_no_amount_or_date_is_named() -> None:
    assert refused("\n{{ a | money }}", a="much").startswith(
        "invoice/fr sms.j2 line 2: 'much' is not an amount"
    )
    assert "'soon' is not a date" in refused("{{ a | day }}", a="soon")
    assert "'x' is not a currency" in refused("{{ 1 | money('x') }}")


def test_free_text_keeps_its_paragraphs_and_lines() -> None:
    text = "One <b>\r\ntwo\n\n \nthree & four"
    assert said("{{ text | paragraphs }}", EMAIL, text=text) == (
        "<p>One &lt;b&gt;<br>\ntwo</p>\n<p>three &amp; four</p>"
    )


# hostile contexts


@pytest.mark.parametrize(
    "text",
    ["{{ 7 * 7 }}", "{% include 'sms.j2' %}", "{# x #}", '#import "@preview/x:1.0.0"', "# line"],
)
def test_values_from_outside_are_never_template(text: str) -> None:
    assert said("{{ a }}{{ b.c }}", a=text, b={"c": text}) == text + text


def test_values_from_outside_are_escaped_in_html_alone() -> None:
    hostile = "<script>alert('1')</script>\"&"
    html = said('<p title="{{ a }}">{{ a }}{{ a | upper }}{{ [a] | join }}</p>', EMAIL, a=hostile)
    assert "<script" not in html.lower()
    assert html.count("<") == 2
    assert said("{{ a }}", a=hostile) == hostile


def test_escaping_cannot_be_turned_off() -> None:
    assert "there is no filter 'safe'" in refused("{{ a | safe }}", a="<")
    assert "'autoescape' is not allowed" in refused("{% autoescape false %}x{% endautoescape %}")


def test_controls_and_turned_text_are_taken_out() -> None:
    assert said("{{ a }}", a="bill\u202egnp.exe\x1b[2J\x00\x9b1m\u2066") == "billgnp.exe[2J1m"
    assert said("{{ a }}", a="half \ud83d") == "half \ufffd"


@pytest.mark.parametrize(
    "source",
    [
        "{{ a.__class__ }}",
        "{{ a['__class__'] }}",
        "{{ a | attr('__class__') }}",
        "{{ [a] | map(attribute='__class__') | join }}",
        "{{ range.__globals__ }}",
        "{{ namespace.__init__ }}",
        "{{ b.__class__.__mro__ }}",
        "{{ a.format(1) }}",
        "{{ a['format_map'] }}",
        "{{ b.clear() }}",
        "{{ c.append(1) }}",
        "{{ self.__init__ }}",
        "{{ cycler }}",
        "{{ joiner }}",
        "{{ lipsum }}",
        "{{ dict }}",
    ],
)
def test_nothing_leads_out_of_a_template(source: str) -> None:
    assert refused(source, a="text", b={}, c=[1]).startswith("invoice/fr sms.j2 line 1: ")


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "{% for i in range(999999999) %}{% endfor %}",
        "{% for i in a %}{% for j in a %}{% for k in a %}{% endfor %}{% endfor %}{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(40) }}",
        "{% set n = namespace(x='ab') %}{% for i in a %}{% set n.x = n.x ~ n.x %}{% endfor %}",
        "{% set n = namespace(x='ab') %}{% for i in a %}{% set n.x = n.x + n.x %}{% endfor %}",
        "{% set n = namespace(x='ab') %}{% for i in a %}{% set n.x = n.x | replace('a', 'aa') %}{% endfor %}",
        "{% set n = namespace(x='ab') %}{% for i in a %}{% set n.x %}{{ n.x }}{{ n.x }}{% endset %}{% endfor %}",
        "{% set n = namespace(x=9) %}{% for i in a %}{% set n.x = n.x * n.x %}{% endfor %}",
        "{% for i in a %}{% for j in a %}some words that become many{% endfor %}{% endfor %}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ 'x' * 999999999 }}",
        "{{ [1] * 999999999 }}",
        "{{ '%999999999d' % 1 }}",
        "{% include 'sms.j2' %}",
    ],
)
def test_what_does_not_end_is_ended(source: str) -> None:
    told = refused(source, a=list(range(300)))
    assert told.startswith("invoice/fr sms.j2")
    assert "MemoryError" not in told


def test_a_huge_or_endless_context_is_refused() -> None:
    assert "more than 1,000,000 characters" in refused("x", a="x" * 10_000_000)
    assert "more than 1,000,000 characters" in refused("x", a=["x"] * 2_000_000)
    nested: dict[str, Any] = {}
    for _ in range(100_000):
        nested = {"a": nested}
    assert "nested deeper than 40" in refused("x", a=nested)


def test_other_faults_of_a_template_are_named_as_well() -> None:
    assert refused("a\n{{ 1 / 0 }}") == (
        "invoice/fr sms.j2 line 2: division by zero (ZeroDivisionError)"
    )
    assert "there is no file 'other.j2' beside it" in refused("{% include 'other.j2' %}")


# finding


def test_a_language_falls_back_to_its_parent_then_english_then_the_only_one(tmp_path: Path) -> None:
    for kind, languages in {"a": ["nl", "en", "fr-BE"], "b": ["fr"], "c": ["fr", "de"]}.items():
        for language in languages:
            own(tmp_path, kind, language, sms=f"{kind} {language}")
    library = Library(str(tmp_path))

    def found(kind: str, language: str) -> str | None:
        version = library.find(kind, language)
        return version.language if version else None

    assert found("a", "nl-BE") == "nl"
    assert found("a", "NL_be") == "nl"
    assert found("a", "fr-BE") == "fr-BE"
    assert found("a", "fr") == "en"
    assert found("a", "") == "en"
    assert found("b", "nl-BE") == "fr"
    assert found("c", "nl") is None
    assert found("none", "en") is None


@pytest.mark.parametrize(
    "kind", ["..", ".", "", "../secret", "a/b", "a\x00b", "/etc", "_x", "x" * 999]
)
def test_a_kind_is_never_a_way_into_another_folder(kind: str, tmp_path: Path) -> None:
    own(tmp_path / "secret", "x", "en", sms="secret")
    own(tmp_path / "secret", ".", "en", sms="secret")
    (tmp_path / "templates").mkdir()
    assert Library(str(tmp_path / "templates")).find(kind, "en") is None


def test_a_users_template_comes_before_the_shipped_one_as_a_whole(tmp_path: Path) -> None:
    place = own(tmp_path, "invoice", "fr", sms="Facture {{ subject.reference }}")
    library = Library(str(tmp_path))
    version = library.find("invoice", "fr-FR")
    assert version is not None
    assert version.channels == SMS
    assert version.origin == str(place)
    assert library.render(version, BASE, SMS).sms == "Facture F-2026-17"
    other = library.find("invoice", "nl")
    assert other is not None
    assert other.origin == "shipped"
    listed = {(item.kind, item.language): item.origin for item in library.all()}
    assert listed[("invoice", "fr")] == str(place)
    assert len(listed) == len(KINDS) * len(LANGUAGES)


def test_a_missing_folder_is_said_and_not_passed_over(tmp_path: Path) -> None:
    library = Library(str(tmp_path / "none"))
    for action in (lambda: library.find("invoice", "en"), library.all):
        with pytest.raises(TemplateError, match="there is no such folder"):
            action()


def test_a_layout_of_the_users_is_used_by_every_letter(tmp_path: Path) -> None:
    layout = (SHIPPED / "letter-layout.typ").read_text("utf-8")
    marked = layout.replace("#let letterhead() = {", '#let letterhead() = {\n  image("logo.png")')
    (tmp_path / "letter-layout.typ").write_text(marked, encoding="utf-8")
    (tmp_path / "logo.png").write_bytes(ONE_PIXEL)
    shipped, mine = Library().find("invoice", "en"), Library(str(tmp_path)).find("invoice", "en")
    assert shipped is not None
    assert mine is not None
    assert mine.version != shipped.version
    made = Library(str(tmp_path)).render(mine, INVOICE, POST, ADDRESS, "FR").letter
    assert made is not None
    assert b"/Subtype/Image" in made.replace(b" ", b"")
    # what was kept with a letter is enough to make it again, without the folder
    kept = TemplateVersion(mine.kind, mine.language, mine.version, dict(mine.sources))
    assert Library().with_address(kept, INVOICE, ADDRESS, "FR") == made


# versions


def test_the_version_changes_with_every_byte_and_with_nothing_else(tmp_path: Path) -> None:
    place = own(tmp_path, "invoice", "en", subject="S", txt="Hello", sms="x")
    library = Library(str(tmp_path))

    def version() -> str:
        found = library.find("invoice", "en")
        assert found is not None
        return found.version

    first = version()
    assert (first, len(first)) == (version(), 12)
    assert Library(str(tmp_path)).find("invoice", "en").version == first  # type: ignore[union-attr]
    (place / "email.txt.j2").write_text("Hello!", encoding="utf-8")
    second = version()
    assert second != first
    # the same size, written again: only the time of the file tells
    (place / "email.txt.j2").write_text("Hello?", encoding="utf-8")
    os.utime(place / "email.txt.j2", ns=(1, 1))
    third = version()
    assert third not in (first, second)
    (place / "email.txt.j2").write_text("Hello", encoding="utf-8")
    assert version() == first
    (place / "notes.md").write_text("not part of it", encoding="utf-8")
    (place / ".swp.j2").write_text("nor this", encoding="utf-8")
    assert version() == first
    (place / "sms.j2").unlink()
    assert version() != first


def test_sources_cannot_be_shifted_between_files_without_another_version() -> None:
    assert version_of({"a": "bc", "d": ""}) != version_of({"a": "b", "cd": ""})
    assert version_of({"a": "1", "b": "2"}) == version_of({"b": "2", "a": "1"})


# checking


def test_a_broken_template_is_named_and_never_half_used(tmp_path: Path) -> None:
    own(tmp_path, "invoice", "fr", subject="S", txt="a\n{{ x | nope }}", sms="fine")
    library = Library(str(tmp_path))
    with pytest.raises(TemplateError) as caught:
        library.find("invoice", "fr")
    assert str(caught.value) == (
        "invoice/fr email.txt.j2 line 2: there is no filter 'nope'; put it right, and see "
        "`commtui template check invoice`"
    )
    # neither is the shipped one taken instead
    with pytest.raises(TemplateError):
        library.find("invoice", "fr-BE")
    (broken,) = [item for item in library.all() if item.name == "invoice/fr"]
    assert len(library.check(broken)) == 1
    own(tmp_path, "invoice", "fr", txt="a")
    assert library.find("invoice", "fr") is not None


@pytest.mark.parametrize(
    ("sources", "problem"),
    [
        ({}, "invoice/fr: it has nothing to send"),
        ({"txt": "x"}, "invoice/fr email.subject.j2: an email needs a subject"),
        ({"subject": "x"}, "invoice/fr email.txt.j2: the email has no text"),
        ({"sms": "a\n{{ x"}, "invoice/fr sms.j2 line 2: unexpected end of template"),
        ({"sms": "{% if false %}\n{{ x | nope }}{% endif %}"}, "line 2: there is no filter 'nope'"),
        ({"sms": "\n{% if x is odd_one %}{% endif %}"}, "line 2: there is no test 'odd_one'"),
        ({"sms": "{% for x in y %}"}, "invoice/fr sms.j2 line 1: Unexpected end of template"),
        ({"sms": "x", "email.text.j2": "x"}, "invoice/fr email.text.j2: nothing uses this file"),
        ({"sms": "caf\ufffd"}, "invoice/fr sms.j2 line 1: this is not UTF-8"),
        ({"sms": "x" * 1_100_000}, "invoice/fr sms.j2: it is larger than 1 MB"),
        ({"sms": " "}, "invoice/fr sms.j2: it makes an empty text of the sample"),
        ({"sms": "x", "sample": "{\n\nx}"}, "invoice/fr sample.json line 3: this is not JSON"),
        ({"sms": "x", "sample": "[]"}, "invoice/fr sample.json: it has to be one JSON object"),
        ({"sms": "{{ a }}", "sample": "{}"}, "invoice/fr sms.j2 line 1: 'a' is undefined"),
        ({"letter": "a\n#foo()"}, "invoice/fr letter.typ line 2: unknown variable: foo"),
        ({"letter": "= x\n#let x = ["}, "invoice/fr letter.typ line 2: unclosed"),
        ({"letter": '#import "@preview/a:1.0.0"'}, "letter.typ line 1: packages cannot be used"),
        ({"letter": "#set page(foreground: none)"}, "does not show the address alone"),
        ({"letter": "#place(top + left, dy: 25mm)[x]"}, "the postage goes into"),
    ],
)
def test_what_is_wrong_is_found_with_file_and_line(sources: dict[str, str], problem: str) -> None:
    assert any(problem in found for found in words(template(**sources))), words(template(**sources))


@pytest.mark.parametrize(
    ("html", "problems"),
    [
        ("<p>a<br>b<p>c<ul><li>a<li>b</ul><img alt=''>", []),
        ("x{% if a is defined %}<div>{% endif %}{% if a is defined %}</div>{% endif %}", []),
        ("<!-- <div> --><p>a</p>", []),
        ("<div>\n<table>\n<tr><td>a</td></tr>\n</div>", ["2: <table> is not closed; add </table>"]),
        (
            "<div>\n\n<b>x</i></div>",
            ["3: </i> closes nothing; take it out", "3: <b> is not closed; add </b>"],
        ),
        ("{% if true %}\n<b>x\n{% endif %}", ["2: <b> is not closed; add </b>"]),
        ("x\n<script>1</script>", ["2: <script> is not run by any mail program; take it out"]),
    ],
)
def test_tags_that_do_not_fit_are_found(html: str, problems: list[str]) -> None:
    found = words(template(subject="S", txt="x", html=html))
    assert found == [f"invoice/fr email.html.j2 line {problem}" for problem in problems]


def test_a_template_without_a_sample_is_not_blamed_for_what_only_its_source_knows() -> None:
    assert (
        words(template(sms="{{ order_number }}", letter="#json(bytes(sys.inputs.data)).other"))
        == []
    )


def test_a_broken_layout_is_named_in_every_letter(tmp_path: Path) -> None:
    (tmp_path / "letter-layout.typ").write_text("\n#let letter(body) = nothing\n", encoding="utf-8")
    library = Library(str(tmp_path))
    found = {problem.place for version in library.all() for problem in library.check(version)}
    assert len(found) == len(KINDS) * len(LANGUAGES)


def test_bytes_that_are_not_utf_8_are_found_in_files(tmp_path: Path) -> None:
    place = own(tmp_path, "invoice", "fr", sms="x")
    (place / "sms.j2").write_bytes("échéance".encode("latin-1"))
    with pytest.raises(TemplateError, match="this is not UTF-8; save it as UTF-8"):
        Library(str(tmp_path)).find("invoice", "fr")


# what it costs


def test_neither_jinja_nor_typst_is_loaded_before_something_is_made() -> None:
    script = (
        "import sys, json\n"
        "from commtui.services.templates import Library\n"
        "import commtui.cli.templates\n"
        "Library().all()\n"
        "print(json.dumps(sorted({'jinja2', 'typst', 'pypdf'} & set(sys.modules))))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []
