"""What MkDocs is told beside mkdocs.yml: pages that lie outside docs/, the notebooks, and the links to both.

The Markdown files are written for a code host, where they link to each other by their places in the repository. Here
README.md, CONTRIBUTING.md, CHANGELOG.md and benchmarks/README.md become pages of the site, and a link to a file leads
to the page that shows it. A link that leads nowhere ends the build.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from nbconvert import MarkdownExporter

ROOT = Path(__file__).resolve().parents[1]
OUTSIDE = {
    "README.md": "readme.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/README.md": "benchmarks.md",
}
"""Files of the repository, and the pages that they are."""

_PART = re.compile(
    r"^(?P<indent> *)```.*?^(?P=indent)```$|(?P<before>\]\(|^\[[^\]\n]+\]: )(?P<target>[^)#\s]+)", re.M | re.S
)
"""A block, or a link."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are no files of docs/."""
    for source, page in OUTSIDE.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    for file in [file for file in files if file.src_uri.endswith(".ipynb")]:
        for made in _notebook(config, file):
            files.append(made)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links lead to pages of the site. What stands in blocks is no link."""
    here = page.file.src_uri
    source = next((name for name, made in OUTSIDE.items() if made == here), f"docs/{here}")

    def lead(part: re.Match[str]) -> str:
        target = part["target"]
        if target is None or "://" in target:
            return part[0]
        file = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        there = OUTSIDE.get(file) or file.removeprefix("docs/")
        if there.endswith(".ipynb") and not here.startswith("notebooks/"):
            there = there.removesuffix(".ipynb") + ".md"
        elif there == file and (ROOT / file).is_file() and files.get_file_from_path(file) is None:
            # A file that is no page, such as a benchmark's result, comes along.
            files.append(File.generated(config, file, abs_src_path=str(ROOT / file)))
        return part["before"] + posixpath.relpath(there, posixpath.dirname(here) or ".")

    return _PART.sub(lead, markdown)


def _notebook(config: MkDocsConfig, notebook: File) -> list[File]:
    """A notebook as a page, with the pictures that it was kept with."""
    page = Path(notebook.src_uri).with_suffix(".md")
    text, found = MarkdownExporter().from_filename(notebook.abs_src_path)
    pictures = {name: f"{page.stem}_{name}" for name in found["outputs"]}
    for name, beside in pictures.items():
        text = text.replace(f"({name})", f"({beside})")
    text = text.replace('<table border="1" class="dataframe">', "<table>")  # styled, and scrolled, as all tables
    title, _, rest = text.lstrip().partition("\n")
    text = f"{title}\n\n[The notebook itself]({notebook.name}.ipynb), to be run. Below is how it ran.\n{rest}"
    return [
        File.generated(config, page.as_posix(), content=text),
        *(
            File.generated(config, (page.parent / beside).as_posix(), content=found["outputs"][name])
            for name, beside in pictures.items()
        ),
    ]
