import os
import signal

import pytest

from pmsfc_jax.cli.signals import stop_on_signal


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_asks_and_the_second_acts(number, capsys):
    before = signal.getsignal(number)

    def usual(number, frame):
        raise RuntimeError("acted")

    signal.signal(number, usual)
    try:
        with stop_on_signal() as should_stop:
            assert not should_stop()
            os.kill(os.getpid(), number)
            assert should_stop()
            assert "continues" in capsys.readouterr().err
            with pytest.raises(RuntimeError, match="acted"):
                os.kill(os.getpid(), number)
        assert signal.getsignal(number) is usual
    finally:
        signal.signal(number, before)
