"""Office documents that reach for the network, for files of the machine, or for all of its time and memory.

Each builder gets an address (of a listener on loopback, or of a file) and puts it wherever its format can ask for one.
Beside `documents.py`, which has the ODTs, environment variables and other formats under an office name.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from tests.rendering import documents
from tests.rendering.documents import DOCX, ODT, zipped

ODS = ODT.replace("text", "spreadsheet")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGES = "http://schemas.openxmlformats.org/package/2006"
WORDS = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
TABLES = 'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
Documents = dict[str, tuple[bytes, str]]
READING = ("docx with fields", "docx with an outer entity", "ods with an outer cell", "ods linked to a table")
"""Those of `reaching` that could bring the words of a file into their own."""


def package(
    main: str, kind: str, body: str, related: Mapping[str, str] | None = None, more: Mapping[str, bytes] | None = None
) -> bytes:
    """An Office Open XML package whose main part has external relations: type → target."""
    folder, _, name = main.rpartition("/")
    relations = "".join(
        f'<Relationship Id="r{number}" Type="{RELATIONS}/{type_}" Target="{target}" TargetMode="External"/>'
        for number, (type_, target) in enumerate((related or {}).items())
    )
    types = (
        f'<Types xmlns="{PACKAGES}/content-types"><Default Extension="rels" ContentType='
        f'"application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/{main}" ContentType="{kind}.main+xml"/></Types>'
    )
    root = f'<Relationship Id="r" Type="{RELATIONS}/officeDocument" Target="{main}"/>'
    parts: dict[str, bytes | str] = {
        "[Content_Types].xml": types,
        "_rels/.rels": f'<Relationships xmlns="{PACKAGES}/relationships">{root}</Relationships>',
        main: body,
        f"{folder}/_rels/{name}.rels": f'<Relationships xmlns="{PACKAGES}/relationships">{relations}</Relationships>',
    }
    return zipped(parts | dict(more or {}))


def word(body: str, head: str = "", **facts: Mapping[str, str]) -> bytes:
    text = f'{head}<w:document xmlns:w="{WORDS}" xmlns:r="{RELATIONS}"><w:body><w:p><w:r><w:t>x</w:t></w:r></w:p>{body}'
    return package("word/document.xml", DOCX, f"{text}</w:body></w:document>", facts.get("related"))


def spreadsheet(body: str) -> bytes:
    """An ODS with this in its first table."""
    content = (
        f'<?xml version="1.0"?><office:document-content {documents.NAMESPACES} {TABLES} office:version="1.2">'
        f'<office:body><office:spreadsheet><table:table table:name="a">{body}</table:table></office:spreadsheet>'
        "</office:body></office:document-content>"
    )
    manifest = (
        '<?xml version="1.0"?><m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<m:file-entry m:full-path="/" m:media-type="{ODS}"/>'
        '<m:file-entry m:full-path="content.xml" m:media-type="text/xml"/></m:manifest>'
    )
    return zipped({"mimetype": ODS, "content.xml": content, "META-INF/manifest.xml": manifest})


def formula(text: str) -> str:
    return f'<table:table-row><table:table-cell table:formula="{text}"/></table:table-row>'


def reaching(url: str) -> Documents:
    """Those that ask for the address."""
    entity = f'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY % a SYSTEM "{url}"> %a; <!ENTITY b SYSTEM "{url}">]>'
    source = f'<table:table-source table:table-name="a" xlink:href="{url}" xlink:type="simple"/>'
    fields = ("INCLUDEPICTURE", "INCLUDETEXT", "LINK", "DDEAUTO")
    asking = "".join(f'<w:p><w:fldSimple w:instr=" {each} &quot;{url}&quot; "/></w:p>' for each in fields)
    link = f'xlink:href="{url}" xlink:type="simple" xlink:show="embed" xlink:actuate="onLoad"'
    drawn = f"<draw:image {link}><svg:svg><image {link}/></svg:svg></draw:image>"
    frame = f'<text:p><draw:frame svg:width="5cm" svg:height="5cm">{drawn}</draw:frame></text:p>'
    html = f"<html><object data='{url}'></object><img src='{url}'><p>x</html>"
    ole = base64.b16encode(f"\x01\x05\x00\x00\x02\x00\x00\x00{url}\x00".encode()).decode()
    found: Documents = {
        "docx with a remote template": (word("", related={"attachedTemplate": url, "settings": url}), DOCX),
        "docx with a remote picture": (word("", related={"image": url, "oleObject": url, "hyperlink": url}), DOCX),
        "docx with a foreign chunk": (word('<w:altChunk r:id="r0"/>', related={"aFChunk": url}), DOCX),
        "docx with fields": (word(asking), DOCX),
        "docx with an outer entity": (word("<w:p><w:r><w:t>&b;</w:t></w:r></w:p>", entity), DOCX),
        "pptx with outer media": (package("ppt/presentation.xml", PPTX, "<p/>", {"video": url, "image": url}), PPTX),
        "xlsx with an outer book": (package("xl/workbook.xml", XLSX, "<workbook/>", {"externalLinkPath": url}), XLSX),
        "ods with WEBSERVICE": (spreadsheet(formula(f"of:=WEBSERVICE(&quot;{url}&quot;)")), ODS),
        "ods with DDE": (spreadsheet(formula(f"of:=DDE(&quot;soffice&quot;;&quot;{url}&quot;;&quot;a.A1&quot;)")), ODS),
        "ods with an outer cell": (spreadsheet(formula(f"of:=['{url}'#$a.A1]")), ODS),
        "ods linked to a table": (spreadsheet(source), ODS),
        "odt with an outer svg": (documents.odt_of(frame), ODT),
        "rtf with an object": (rf"{{\rtf1{{\object\objautlink\objupdate{{\*\objdata {ole}}}}}}}".encode(), "text/rtf"),
        "rtf with a template": (rf"{{\rtf1{{\*\template {url}}}x}}".encode(), "text/rtf"),
        "doc that is html": (html.encode(), "application/msword"),
        "xls that is a query": (f"WEB\r\n1\r\n{url}\r\n".encode(), "application/vnd.ms-excel"),
    }
    return found


def devouring() -> Documents:
    """Those that take more than there is."""
    laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    cells = '<table:table-row table:number-rows-repeated="1048576"><table:table-cell office:value-type="string"'
    cells += ' table:number-columns-repeated="16384"><text:p>x</text:p></table:table-cell></table:table-row>'
    return {
        "a bomb of zeroes": (zipped({"mimetype": ODT, "content.xml": bytes(400_000_000)}), ODT),
        "a bomb of entities": (word("<w:p>&a9;</w:p>", f'<!DOCTYPE w [<!ENTITY a0 "ha">{laughs}]>'), DOCX),
        "a table without end": (spreadsheet(cells), ODS),
        "tables in tables": (documents.odt_of("<text:section>" * 60_000 + "</text:section>" * 60_000), ODT),
    }
