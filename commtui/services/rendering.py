"""What the texts of a communication are like before they are sent: whether there are any, and what they cost."""

from __future__ import annotations

from commtui.domain import sms
from commtui.domain.vocabulary import Channel
from commtui.store.prospects import Prospect

FROM_A_TEMPLATE = (
    "its text would come from a template, and there are none yet: have the source deliver `content`"
)


def problem(prospect: Prospect) -> str:
    """Why a communication has no text that could be sent; empty when it has one."""
    return "" if prospect.texts.ready else FROM_A_TEMPLATE


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
