"""Text messages: which encoding, how many parts, and what makes them dear."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commtui.domain.sms import GSM_7, UCS_2, Measure, measure


@pytest.mark.parametrize(
    ("text", "characters", "parts"),
    [
        ("", 0, 0),
        ("a", 1, 1),
        ("a" * 160, 160, 1),
        ("a" * 161, 161, 2),
        ("a" * 306, 306, 2),
        ("a" * 307, 307, 3),
        ("€" * 80, 160, 1),
        ("€" * 81, 162, 2),
        ("[^{}\\~]|\f", 18, 1),
        ("éèàùÉÇäöüßñÆ¿¡§£¥@_\r\n", 21, 1),
    ],
)
def test_gsm_7_has_160_characters_in_one_part_and_153_in_each_of_several(
    text: str, characters: int, parts: int
) -> None:
    assert measure(text) == Measure(GSM_7, characters, parts)


@pytest.mark.parametrize("letter", "çêëîïôûœÀ’«»…–\u00a0\u202f☎`")
def test_a_letter_that_gsm_7_lacks_makes_the_whole_message_ucs_2(letter: str) -> None:
    assert measure(f"Déjà {letter}ç") == Measure(UCS_2, 7, 1, letter, 6)


@pytest.mark.parametrize("letter", "éèàùÉÇ")
def test_the_other_french_letters_cost_nothing(letter: str) -> None:
    assert measure(letter).encoding == GSM_7


@pytest.mark.parametrize(
    ("text", "characters", "parts"),
    [
        ("ç" * 70, 70, 1),
        ("ç" * 71, 71, 2),
        ("ç" * 134, 134, 2),
        ("ç" * 135, 135, 3),
        ("😀" * 35, 70, 1),
        ("😀" * 36, 72, 2),
    ],
)
def test_ucs_2_has_70_characters_in_one_part_and_67_in_each_of_several(
    text: str, characters: int, parts: int
) -> None:
    measured = measure(text)
    assert (measured.encoding, measured.characters, measured.parts) == (UCS_2, characters, parts)


def test_a_character_of_two_septets_is_not_cut_in_two_at_the_end_of_a_part() -> None:
    # 306 septets would fill two parts, but the € would lie across their border
    assert measure("a" * 152 + "€" + "a" * 152).characters == 306
    assert measure("a" * 152 + "€" + "a" * 152).parts == 3
    assert measure("a" * 151 + "€" + "a" * 153).parts == 2


def test_an_emoji_is_not_cut_in_two_at_the_end_of_a_part() -> None:
    assert measure("ç" * 66 + "😀" + "ç" * 66).parts == 3
    assert measure("ç" * 65 + "😀" + "ç" * 67).parts == 2


@given(st.text(max_size=400))
def test_the_numbers_fit_each_other(text: str) -> None:
    measured = measure(text)
    whole, each = (160, 153) if measured.encoding == GSM_7 else (70, 67)
    assert (measured.parts == 1) == (0 < measured.characters <= whole)
    assert measured.characters <= max(whole, measured.parts * each)
    assert measured.characters >= len(text)
    if measured.culprit:
        assert text[measured.position - 1] == measured.culprit
        assert measure(text[: measured.position - 1]).encoding == GSM_7
    else:
        assert (measured.encoding, measured.position) == (GSM_7, 0)
