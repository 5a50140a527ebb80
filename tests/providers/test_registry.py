"""The registry: what each provider claims is what its code can do."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields, replace

import pytest

from commtui.config import Settings
from commtui.domain.vocabulary import Channel, ErrorClass, Status
from commtui.errors import NotFound
from commtui.providers.base import Capability, ProviderSpec
from commtui.providers.http import Http
from commtui.providers.registry import SPECS, by_key, for_channel


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.key)
def test_capabilities_say_what_the_code_can_do(spec: ProviderSpec, settings: Settings) -> None:
    receives = spec.receiver is not None and spec.receiver(settings) is not None
    assert (Capability.WEBHOOK in spec.capabilities) == receives == bool(spec.webhook_paths)
    provider = spec.create(settings, Http(1, 1.0)) if spec.create else None
    assert (Capability.FIND in spec.capabilities) == hasattr(provider, "find")
    assert (Capability.POLL in spec.capabilities) == hasattr(provider, "poll")
    assert (Capability.POLL in spec.capabilities) == (spec.first_poll is not None)
    assert (Capability.STEPS in spec.capabilities) == hasattr(provider, "advance")
    assert (Capability.CANCEL in spec.capabilities) == hasattr(provider, "cancel")
    assert (Capability.ACCOUNT in spec.capabilities) == hasattr(provider, "account")
    assert (Capability.LIFT in spec.capabilities) == hasattr(provider, "lift")
    assert bool(spec.bases(settings)) == (spec.create is not None)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.key)
def test_every_setting_that_a_provider_asks_for_exists_and_the_required_ones_decide(
    spec: ProviderSpec, settings: Settings
) -> None:
    assert spec.configured(settings)
    for field in spec.fields:
        section = getattr(settings, spec.key)
        known = {item.name.rstrip("_"): item.name for item in fields(section)}
        assert field.name in known
        without = replace(settings, **{spec.key: replace(section, **{known[field.name]: ""})})
        if field.required:
            assert not spec.configured(without)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.key)
@pytest.mark.parametrize("status", Status)
def test_every_provider_explains_every_status_even_for_a_code_unheard_of(
    spec: ProviderSpec, status: Status
) -> None:
    problem = spec.explain(status, "unheard_of", "words")
    assert problem.sentence
    assert problem.advice
    if status in (Status.FAILED, Status.UNDELIVERED, Status.REJECTED, Status.DROPPED):
        assert problem.error_class is ErrorClass.UNKNOWN
        assert "unheard_of" in problem.sentence


def test_providers_are_found_by_key_and_by_channel() -> None:
    assert [by_key(spec.key) for spec in SPECS] == list(SPECS)
    assert [spec.key for spec in for_channel(Channel.EMAIL)] == ["sendgrid"]
    assert [spec.key for spec in for_channel(Channel.SMS)] == ["twilio"]
    assert "peppol" in [spec.key for spec in for_channel(Channel.EINVOICE)]
    with pytest.raises(NotFound, match="sendgrid, twilio"):
        by_key("fax")


def test_manual_work_is_explained_as_a_task() -> None:
    (manual,) = for_channel(Channel.MANUAL)
    assert manual.create is None
    assert "Manual action required" in manual.explain(Status.NOT_SENT, "", "").sentence


def test_knowing_the_providers_does_not_load_the_big_libraries() -> None:
    script = "import sys, commtui.providers.registry; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.split())
    assert not loaded & {
        "phonenumbers",
        "email_validator",
        "cryptography",
        "starlette",
        "sqlalchemy",
    }
