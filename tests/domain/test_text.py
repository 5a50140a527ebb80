"""Untrusted text: nothing that a terminal obeys gets through, and folding finds what people type."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commtui.domain.text import fingerprint, fold, line, recipient_key, safe, storable

anything = st.text(st.characters(codec=None, categories=None), max_size=60)
VISIBLE_FORMATS = {
    *range(0x0600, 0x0606),
    0x06DD,
    0x070F,
    0x0890,
    0x0891,
    0x08E2,
    0x110BD,
    0x110CD,
}
"""Signs of Arabic, Syriac and Kaithi numbers: format characters that are drawn."""

CORPUS = {
    "OSC 52 clipboard": "\x1b]52;c;cm0gLXJmIH4=\x07",
    "title": "\x1b]0;root@prod\x07",
    "hyperlink": "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "unterminated OSC": "\x1b]0;everything after this is swallowed",
    "CSI": "\x1b[2J\x1b[1;1Hgone\x1b[31m",
    "8-bit CSI": "\x9b31m",
    "8-bit OSC": "\x9d52;c;eA==\x9c",
    "DCS": '\x1bP$q"p\x1b\\',
    "answerback": "\x05",
    "NUL": "in\x00voice",
    "backspaces": "safe\x08\x08\x08\x08evil",
    "carriage return": "delivered\rfailed   ",
    "shift out": "\x0eabc\x0f",
    "DEL": "a\x7fb",
    "right to left override": "invoice\u202efdp.exe",
    "isolates": "\u2066a\u2069",
    "zero width": "in\u200bvo\u200dice\ufeff",
    "tags": "ok\U000e0001\U000e0065\U000e0076\U000e007f",
    "supplementary variation selectors": "a\U000e0101",
    "line separator": "a\u2028b\u2029c",
    "next line": "a\x85b",
    "Hangul filler": "a\u3164b\u115f",
    "musical format": "a\U0001d173b",
    "lone surrogate": "a\ud800b",
    "surrogate pair in two halves": "\ud83d\ude00",
    "markup": "[bold red]x[/] [@click=app.quit]y[/]",
}


def obeyed(text: str) -> set[str]:
    """The characters of a text that a terminal would act on, or that nobody would see."""
    return {
        char
        for char in text
        if (unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp"))
        and char not in "\n\t"
        and ord(char) not in VISIBLE_FORMATS
    }


@given(anything)
def test_nothing_that_a_terminal_obeys_survives(text: str) -> None:
    cleaned = safe(text)
    assert not obeyed(cleaned)
    cleaned.encode("utf-8")


@given(anything, st.integers(1, 40))
def test_nothing_survives_on_one_line_either(text: str, limit: int) -> None:
    cleaned = line(text, limit)
    assert not obeyed(cleaned)
    assert not set(cleaned) & set("\n\t\r")
    assert cleaned == cleaned.strip() or len(text) > limit


@pytest.mark.parametrize("text", CORPUS.values(), ids=CORPUS.keys())
def test_an_attack_becomes_visible_and_harmless(text: str) -> None:
    for cleaned in (safe(text), line(text)):
        assert not obeyed(cleaned)
    if obeyed(text):
        assert safe(text) != text


def test_every_character_there_is_is_harmless_alone() -> None:
    assert not obeyed(safe("".join(map(chr, range(0x110000))), limit=0x110000))


def test_escapes_read_as_what_they_stand_for() -> None:
    assert safe("\x1b[31m\x00\x9b\u202e\u200b\U000e0041") == (
        "\\e[31m\\x00\\x9b\\u202e\\u200b\\U000e0041"
    )


def test_ordinary_words_of_any_script_stay_as_they_are() -> None:
    for words in ("Léa Müller-Ørsted", "株式会社 例", "Пример", "مثال", "हिन्दी", "✓ → ❤️", "[x]"):
        assert safe(words) == line(words) == words


def test_lines_and_tabs_of_a_passage_stay_and_windows_line_ends_become_plain() -> None:
    assert safe("a\r\n\tb\nc") == "a\n\tb\nc"
    assert line("  a\r\n\tb\n\nc ") == "a b c"


def test_an_accent_written_apart_becomes_one_character() -> None:
    assert safe("Le\u0301a") == "Léa"


def test_long_text_is_cut_and_says_so() -> None:
    assert safe("x" * 30, 10) == line("x" * 30, 10) == "x" * 10 + "…"
    assert safe("x" * 10, 10) == "x" * 10
    assert len(line("a " * 1_000_000, 10)) == 11


jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | anything,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(anything, inner, max_size=4),
    max_leaves=20,
)


@given(jsons)
def test_any_json_value_can_be_made_one_that_databases_hold(value: object) -> None:
    kept = storable(value)
    written = json.dumps(kept, ensure_ascii=False, allow_nan=False)
    written.encode("utf-8")
    assert "\\u0000" not in written.replace("\\\\", "")
    assert storable(kept) == kept


def test_ordinary_json_is_kept_as_it_is() -> None:
    value = {"reason": "Léa 😀\n\x1b", "n": [1, 2.5, True, None], "deep": {"a": {}}}
    assert storable(value) == value


@given(anything)
def test_folding_what_is_folded_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(anything)
def test_case_and_outer_blanks_do_not_matter_to_a_search(text: str) -> None:
    assert fold(f"  {text.casefold()} ") == fold(text)
    assert "\x00" not in fold(text)


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("Léa MARTIN", "lea martin"),
        ("Straße", "STRASSE"),
        ("Ørsted", "orsted"),
        ("Łódź", "lodz"),
        ("Đorđe", "dorde"),
        ("Œuvre", "oeuvre"),
        ("İSTANBUL", "istanbul"),
        ("ISPARTA", "ısparta"),
        ("Ἀθῆναι", "αθηναι"),
        ("ПЁТР", "петр"),
        ("ＦＵＬＬ　ＷＩＤＴＨ", "full width"),
        ("ﬁnance", "finance"),
        ("a \t\n b", "a b"),
        ("e\u0301te\u0301", "ÉTÉ"),
    ],
)
def test_people_find_what_they_type(written: str, typed: str) -> None:
    assert fold(written) == fold(typed)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Lea@Example.com ", "lea@example.com"),
        ("lea@EXÄMPLE.com", "lea@xn--exmple-cua.com"),
        ("+33 6 39 98-12.34", "+33639981234"),
        ("(06) 39/98", "063998"),
    ],
)
def test_spellings_of_one_address_have_one_key(one: str, other: str) -> None:
    assert recipient_key(one) == recipient_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("lea@example.com", "leo@example.com"),
        ("lea@example.com", "lea@example.org"),
        ("lea.m@example.com", "leam@example.com"),
        ("+33639981234", "+33639981235"),
    ],
)
def test_different_addresses_have_different_keys(one: str, other: str) -> None:
    assert recipient_key(one) != recipient_key(other)


@given(anything)
def test_any_text_has_a_recipient_key(text: str) -> None:
    assert recipient_key(text) == recipient_key(f" {text} ")


@pytest.mark.parametrize("text", ["", "@", "a@", "@b", "a@b@c", "a@" + "x" * 64 + ".com", "a@.."])
def test_what_is_no_address_has_a_recipient_key_too(text: str) -> None:
    assert recipient_key(text) == text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "550 5.1.1 <lea@example.com>: user unknown in relay1.example.com",
            "550 5.1.1 <max@example.org>: User unknown in relay22.example.org",
        ),
        ("message 9f86d081884c7d65 refused", "message 60303ae22b998861 refused"),
        ("call +33 6 39 98 12 34 failed", "call +49 170 1234567 failed"),
        ("try again in 30 seconds", "try again in 4 seconds"),
    ],
)
def test_errors_of_one_cause_have_one_fingerprint(one: str, other: str) -> None:
    assert fingerprint("550", one) == fingerprint("550", other)


def test_errors_of_different_causes_have_different_fingerprints() -> None:
    prints = {
        fingerprint("550", "user unknown"),
        fingerprint("550", "mailbox full"),
        fingerprint("552", "mailbox full"),
        fingerprint("", "mailbox full"),
    }
    assert len(prints) == 4


@given(anything, anything)
def test_a_fingerprint_holds_no_address_and_no_digit_of_the_words(code: str, words: str) -> None:
    found = fingerprint("", f"{words} lea@example.com 12345")
    assert "lea@" not in found
    assert "12345" not in found
    assert len(fingerprint(code, words)) <= 120
