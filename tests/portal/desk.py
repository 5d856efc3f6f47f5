"""A server with a committee that meets: its clerks clara and kurt, its chair vera, its members otto and paula."""

from __future__ import annotations

from pathlib import Path

from tests.running import PASSWORD, command, install

COMMITTEE = "rat"
PEOPLE = ("kurt", "vera", "paula")
DECLARED = """
[[person]]
user = "kurt"
name = "Kurt Clerk"
undertaking = 2020-05-12

[[person]]
user = "vera"
name = "Vera Vorsitz"
undertaking = 2020-05-12

[[person]]
user = "paula"
name = "Paula Puls"
undertaking = 2020-05-12

[[committee]]
id = "rat"
name = "Stadtrat"
provider = "vault"
default_class = "public"

  [[committee.mandate]]
  user = "clara"
  role = "clerk"
  start = 2020-05-01

  [[committee.mandate]]
  user = "kurt"
  role = "clerk"
  start = 2020-05-01

  [[committee.mandate]]
  user = "vera"
  role = "chair"
  start = 2020-05-01

  [[committee.mandate]]
  user = "otto"
  role = "member"
  start = 2020-05-01

  [[committee.mandate]]
  user = "paula"
  role = "member"
  start = 2020-05-01
"""


def install_with_desk(directory: Path) -> Path:
    """The data directory."""
    data = install(directory)
    declared = directory / "rat.toml"
    declared.write_text(DECLARED, encoding="utf-8")
    command("apply", str(declared), data=data)
    for user in PEOPLE:
        command("user", "passwd", user, "--password-stdin", data=data, text=PASSWORD + "\n")
    return data


def pasted(items: int) -> str:
    """An agenda as Word copies it: a public part, then a non-public one, `items` lines with numbers."""
    public = items * 4 // 5
    lines = ["Öffentlicher Teil", *(f"{number}.\tAnhörung Straße {number}\t" for number in range(1, public + 1))]
    lines += ["Nichtöffentlicher Teil", *(f"N {number}\tVergabe {number}\t" for number in range(1, items - public + 1))]
    return "\n".join(lines)
