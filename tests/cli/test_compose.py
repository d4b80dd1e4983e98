"""docker-compose.yml uses commands and variables that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

from minimascope.cli import parser
from minimascope.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text()


def test_every_command_of_ours_parses() -> None:
    commands = [json.loads(text) for text in re.findall(r"command: (\[.*\])", COMPOSE)]
    ours = [command for command in commands if command[0] == "minimascope"]
    assert len(ours) == 3
    for command in ours:
        assert parser().parse_args(command[1:]).command == command[1]


def test_every_variable_of_ours_is_a_setting() -> None:
    docker = COMPOSE + (ROOT / "Dockerfile").read_text()
    names = {name.lower() for name in re.findall(r"MINIMASCOPE_([A-Z_]+)", docker)}
    assert {"token", "worker_token", "broker_url", "database_url", "data_dir"} <= names
    assert names <= set(Settings.model_fields)
