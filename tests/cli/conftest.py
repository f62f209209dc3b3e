"""The command line, called in this process."""

import signal

import pytest

from striate.cli import main


@pytest.fixture
def striate(capsys):
    """Runs a command and gives its status, its output and its errors."""
    before = signal.getsignal(signal.SIGTERM)

    def call(*words):
        capsys.readouterr()
        try:
            status = main([str(word) for word in words])
        except SystemExit as stop:
            status = stop.code
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        assert "should not happen" not in err
        return status, out, err

    yield call
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory):
    """A run of LeNet-5 on the digits, hardly trained."""
    from striate.recipes import train
    from striate.train import Where

    where = Where(progress="none", threads=1)
    return train("digits", out=tmp_path_factory.mktemp("cli"), where=where, epochs=1).path
