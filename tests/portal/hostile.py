"""Sixty documents and names that would like to run in a reader's browser, or to make it ask for something elsewhere.

Whatever runs sets the global `ran` and asks for `url`, an address on another port of this machine. Names cannot hold a
slash, so theirs only set the global.
"""

from __future__ import annotations

import base64

from tests.rendering import documents

NAMES = (
    *("<script>ran=1<script>.txt", "<img src=x onerror=ran=1>.txt", "<svg onload=ran=1>.pdf", "<iframe srcdoc=x>.md"),
    *("'-(ran=1)-'.txt", '"onmouseover="ran=1.txt', '" autofocus onfocus="ran=1', "`${ran=1}`.txt", "\\x3cscript.txt"),
    *("{{7*7}}.txt", "{% raise %}.txt", "${7*7}#{7*7}.txt", "%(name)s %s {0}.txt", "%3Cscript%3Eran=1.txt"),
    *(
        "&lt;script&gt;.txt",
        "&#60;img src=x onerror=ran=1&#62;.txt",
        "<!--",
        "]]><script>ran=1.txt",
        "<base href=x>.txt",
    ),
    *("javascript:ran=1", "data:text;html,<script>ran=1", "http:;;127.0.0.1;x.txt", "=cmd|' ;C calc'!A0.csv"),
    *(
        "\u202egnp.exe.txt",
        "a\u2028ran=1;.txt",
        "a\u200b\u200d.txt",
        "<style>*{display:none}.txt",
        "<meta http-equiv=x>.md",
    ),
    *("<math><mtext><style><img src=x onerror=ran=1>.txt", "x onclick=ran=1 .svg"),
    *("<base href=x>.txt", "<meta http-equiv=x>.md"),
)
"""Of documents with nothing in them."""


def script(url: str) -> str:
    return f"ran=1;window.ran=1;new Image().src='{url}';fetch('{url}')"


def markdown(url: str) -> dict[str, bytes]:
    run = script(url)
    texts = {
        "md-html": f'# x\n\n<script>{run}</script>\n\n<img src=\'{url}\' onerror="{run}">\n\n<svg onload="{run}">',
        "md-links": f"[a](javascript:{run}) [b](  JaVaScRiPt:ran=1) [c](data:text/html,x) <javascript:ran=1>",
        "md-pictures": f"![a]({url}) ![b][r]\n\n[r]: {url} 'x'\n\n![c](x' onerror='ran=1)",
        "md-titles": '[a](https://example.org "x\\" onfocus=\\"ran=1")\n\n| <img src=x onerror=ran=1> |\n|---|\n| x |',
        "md-code": f"```html onload=ran=1\n<script>{run}</script>\n```\n\n`<img src={url}>`",
    }
    return {f"{name}.md": text.encode() for name, text in texts.items()}


def pages(url: str) -> dict[str, bytes]:
    run = script(url)
    outside = f"<base href='{url}'><link rel=stylesheet href='{url}'><iframe src='{url}'>"
    html = f"<html>{outside}<script>{run}</script>".encode()
    inside = f"<script>{run}</script><image href='{url}'/>"
    svg = f"<svg xmlns='http://www.w3.org/2000/svg' onload=\"{run}\">{inside}</svg>".encode()
    sheet = f"<?xml-stylesheet href='{url}'?><x xmlns='http://www.w3.org/1999/xhtml'><script>{run}</script></x>"
    endings = ("html", "htm", "xhtml", "shtml", "hta", "mht", "txt", "pdf", "png", "mp3", "mp4", "odt", "webp")
    found = {f"page.{ending}": html for ending in endings} | {"no ending": html}
    found |= {"drawing.svg": svg, "drawing.png": svg, "sheet.xml": sheet.encode(), "sheet.xsl": sheet.encode()}
    found |= {"program.js": run.encode(), "program.mjs": run.encode(), "style.css": f"@import '{url}'".encode()}
    seven = f"+ADw-script+AD4-{run}+ADw-/script+AD4-"
    return found | {"seven.csv": seven.encode(), "sixteen.txt": html.decode().encode("utf-16")}


def pictures(url: str) -> dict[str, bytes]:
    html = f"<script>{script(url)}</script>".encode()
    gif = base64.b64decode("R0lGODlhAQABAAAAACH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
    return {"both.gif": gif + html, "both.jpg": documents.picture("JPEG") + html}


def papers(url: str) -> dict[str, bytes]:
    """PDFs with actions of their own, and one with the font of CVE-2024-4367."""
    action = f"/OpenAction<</S/JavaScript/JS(app.alert(1);app.launchURL('{url}'))>>/AA<</WC<</S/URI/URI({url})>>>>"
    font = "/FontMatrix[1 2 3 4 5 (1\\); window.ran=1; fetch\\('" + url + "'\\)//)]"
    return {
        "actions.pdf": _pdf(action, ""),
        "font.pdf": _pdf("", font),
        "linked.odt": documents.odt_linking(url)["image"],
    }


def _pdf(catalog: str, font: str) -> bytes:
    text = b"BT /F 24 Tf 50 700 Td (abc) Tj ET"
    letters = "/FirstChar 97/LastChar 99/Widths[500 500 500]"
    own = f"<</Type/Font/Subtype/Type1/BaseFont/Own{font}{letters}/FontDescriptor 6 0 R>>"
    objects = (
        f"<</Type/Catalog/Pages 2 0 R{catalog}>>".encode(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(text), text),
        own.encode(),
        b"<</Type/FontDescriptor/FontName/Own/Flags 4/FontBBox[0 0 1 1]/ItalicAngle 0/Ascent 1/CapHeight 1/StemV 1>>",
    )
    body = b"".join(b"%d 0 obj%sendobj\n" % (number, each) for number, each in enumerate(objects, 1))
    return b"%PDF-1.4\n" + body + b"trailer<</Root 1 0 R/Size 7>>"


def uploads(url: str) -> dict[str, bytes]:
    """Name → content of all of them."""
    found = markdown(url) | pages(url) | pictures(url) | papers(url)
    return found | dict.fromkeys(NAMES, b"")
