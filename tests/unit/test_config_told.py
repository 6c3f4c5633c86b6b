"""The settings of metrics, messages and the dead-man switch: checked early, and never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dvornik.application import App
from dvornik.config import Config, load
from dvornik.config.sample import sample
from dvornik.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

SET = """
[metrics]
textfile = "prometheus"
pushgateway = "https://push:${PUSH}@gateway.example"
[notify]
urls = ["tgram://${BOT}/1234", "mailto://me:sesame@example.org"]
[ping]
url = "https://switch.example/keykeykey"
"""
ENV = {"PUSH": "sword@fish", "BOT": "1:open"}


def loaded(tmp_path: Path, text: str, **env: str) -> Config:
    (tmp_path / "dvornik.toml").write_text(text, "utf-8")
    return load(None, env, tmp_path).config


def test_tokens_come_from_the_environment_and_paths_count_from_the_file(tmp_path: Path) -> None:
    config = loaded(tmp_path, SET, **ENV)
    assert config.metrics.textfile == str(tmp_path / "prometheus")
    assert config.metrics.pushgateway == "https://push:sword%40fish@gateway.example"
    assert config.notify.urls[0] == "tgram://1:open/1234"


@pytest.mark.parametrize("key", ["metrics.pushgateway", "ping.url"])
@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://h/x", "switch.example/sesame", "https://"])
def test_only_web_addresses_are_called(tmp_path: Path, key: str, address: str) -> None:
    section, name = key.split(".")
    with pytest.raises(ConfigurationError) as caught:
        loaded(tmp_path, f'[{section}]\n{name} = "{address}"\n')
    assert key in caught.value.context
    assert "sesame" not in f"{caught.value.message}{caught.value.context}{caught.value.hint}"


@pytest.mark.parametrize(
    "text",
    ['[notify]\nurls = "tgram://sesame"', "[ping]\nurl = ['sesame']", '[notify]\nurls = ["tgram://sesame/${NO}"]',
     '[metrics]\npushgateway = "http://sesame:${NO}@h"', "ping = 'https://sesame'"],
)  # fmt: skip
def test_a_mistake_in_an_address_does_not_show_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        loaded(tmp_path, text)
    assert "sesame" not in f"{caught.value.message}{caught.value.context}{caught.value.hint}"


def test_a_sample_holds_variables_in_place_of_secrets(tmp_path: Path) -> None:
    config = loaded(tmp_path, SET, **ENV)
    written = sample(App(root=str(tmp_path), kind="declared"), config, tmp_path)
    assert not any(secret in written for secret in ("fish", "1:open", "sesame", "keykeykey"))
    assert 'urls = ["${NOTIFY_URL_1}", "${NOTIFY_URL_2}"]' in written
    assert 'textfile = "prometheus"' in written


def test_who_hears_of_a_run_does_not_make_a_plan_another(tmp_path: Path) -> None:
    (tmp_path / "dvornik.toml").touch()
    before = load(None, {}, tmp_path).digest
    assert load(None, {"DVORNIK_NOTIFY_URLS": "json://h"}, tmp_path).digest == before
    assert load(None, {"DVORNIK_TEMP_OLDER_THAN": "48h"}, tmp_path).digest != before
