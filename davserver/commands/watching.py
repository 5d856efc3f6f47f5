"""metrics: the numbers that `/metrics` tells, without a request."""

from __future__ import annotations

import argparse

from davserver.commands.workspace import Subparsers, Workspace, command


def register(commands: Subparsers, common: argparse.ArgumentParser) -> None:
    command(commands, "metrics", metrics, "print the server's numbers, as Prometheus reads them", common)


def metrics(workspace: Workspace) -> int:
    """Also while no server runs: then what the last one counted, and that no worker lives."""
    from davserver.metrics import BOARD_NAME, Figures  # noqa: PLC0415 (only this command needs the exposition)
    from davserver.serving.tally import Board, NoBoard  # noqa: PLC0415

    with workspace.house() as house:
        try:
            sums = Board.read(workspace.directory / BOARD_NAME).sums()
        except NoBoard:
            sums = None
        figures = Figures(house, sums)
        samples = [sample for metric in figures.collect() for sample in metric.samples]
        facts = [{"name": sample.name, "labels": sample.labels, "value": sample.value} for sample in samples]
        workspace.answer(facts, figures.text().decode().splitlines())
    return 0
