"""striate_command: the command behaves from its first instant."""

import os
import signal
import subprocess
import sys
import time

import pytest

import striate_command


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def test_a_signal_while_the_package_is_imported_ends_it_quietly(number, status, tmp_path):
    """No trace, and the status that the signal has everywhere."""
    (tmp_path / "torch.py").write_text("print('importing', flush=True)\nimport time\ntime.sleep(60)\n")
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys, striate_command; sys.exit(striate_command.main())"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "importing\n"
    time.sleep(0.1)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == status
    assert "Traceback" not in said


def test_it_runs_the_command_line(monkeypatch, capsys):
    """Once everything is there, it is `striate.cli.main`."""
    monkeypatch.setattr(sys, "argv", ["striate", "models"])
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert striate_command.main() == 0
    finally:
        signal.signal(signal.SIGTERM, before)
    assert "lenet5" in capsys.readouterr().out
