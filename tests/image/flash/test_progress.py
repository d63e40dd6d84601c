import io

from image.flash.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_file_gets_a_line_for_every_tenth() -> None:
    out, now_s = io.StringIO(), iter(range(1000))
    progress = Progress("writing", 40_000_000, out, lambda: float(next(now_s)))
    for done in range(400_000, 40_000_001, 400_000):
        progress(done)
    said = out.getvalue().splitlines()
    assert len(said) == 10
    assert said[0] == "writing  10%, 0.4 MB/s"
    assert said[-1] == "writing 100%, 0.4 MB/s"


def test_a_terminal_gets_one_line_that_ends() -> None:
    out, now_s = Terminal(), iter(range(1000))
    progress = Progress("writing", 10_000_000, out, lambda: next(now_s) / 10)
    for done in range(100_000, 10_000_001, 100_000):
        progress(done)
    assert out.getvalue().count("\n") == 1
    assert out.getvalue().endswith("\n")
    assert 10 < out.getvalue().count("\r") < 30
