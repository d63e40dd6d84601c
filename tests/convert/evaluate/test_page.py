"""The page of the docs is made of a report, and says so where there is none."""

import re
from pathlib import Path

import pytest

from convert.errors import ConvertError
from convert.evaluate.page import PATH, PLOTS, main
from convert.evaluate.run import evaluate
from convert.evaluate.synthetic import synthetic
from convert.evaluate.write import ERRORS, LEFTOVERS, picture_file, write


def test_the_page_shows_figures_and_plots_but_no_pictures(trays: Path, tmp_path: Path) -> None:
    for name in ("report", "docs"):
        (tmp_path / name).mkdir()
    write(evaluate([synthetic([trays], limit=1)], []), tmp_path / "report")
    main(tmp_path / "report", tmp_path / "docs" / "accuracy.md")
    text = (tmp_path / "docs" / "accuracy.md").read_text(encoding="utf-8")
    shown = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
    assert shown == [f"{PLOTS}/{picture_file(kind, 'synthetic')}" for kind in (LEFTOVERS, ERRORS)]
    assert all((tmp_path / "docs" / name).exists() for name in shown)
    assert len(list((tmp_path / "docs" / PLOTS).iterdir())) == 2


def test_the_page_in_the_docs_shows_what_is_there() -> None:
    text = PATH.read_text(encoding="utf-8")
    shown = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
    assert all((PATH.parent / name).exists() for name in shown)
    assert bool(shown) != ("No figures yet" in text)


def test_a_folder_without_a_report_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConvertError, match=r"report\.json: cannot be read"):
        main(tmp_path)
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(ConvertError, match="of another version"):
        main(tmp_path)
