/* Reading in place: keys for everybody; for those who may download, all pages of a PDF drawn here by pdf.js. The page
   works without this file: then each page is a picture that the server has drawn. */

const viewer = document.querySelector(".viewer");
const frame = viewer.querySelector(".sheets");

const SEARCHED = 200; // pages whose words are laid out, so that the browser's own search finds them
const STEPS = [["ArrowLeft", -1], ["ArrowRight", 1]];

const follow = (selector) => {
  const link = viewer.querySelector(selector);
  if (link && !link.hidden) link.click();
};

document.addEventListener("keydown", (event) => {
  const writing = event.target.closest("input, textarea, select, [contenteditable]");
  if (writing || event.ctrlKey || event.metaKey || event.altKey) return;
  const scrollable = frame.scrollWidth > frame.clientWidth && event.target === frame;
  if ((event.key === "ArrowLeft" || event.key === "ArrowRight") && !scrollable) follow(`[data-key=${event.key}]`);
  if (event.key === "+" || event.key === "-") {
    const zooms = [...viewer.querySelectorAll("[data-zoom]")];
    const next = zooms.findIndex((link) => link.ariaCurrent) + (event.key === "+" ? 1 : -1);
    if (zooms[next]) zooms[next].click();
  }
});

class Sheets {
  /* All pages under each other: each gets its size at once, its words soon, its picture when it comes near. */

  constructor(pdf, library) {
    this.pdf = pdf;
    this.library = library;
    this.zoom = Number(viewer.querySelector("[data-zoom][aria-current]").dataset.zoom);
    this.number = Number(viewer.dataset.page);
    this.near = new IntersectionObserver((entries) => this.arrive(entries), { rootMargin: "800px 0px" });
    this.seen = new IntersectionObserver((entries) => this.stop(entries), { rootMargin: "-45% 0px -45% 0px" });
  }

  async lay() {
    const first = await this.pdf.getPage(this.number);
    this.shape = first.getViewport({ scale: 1 });
    const sheets = document.createDocumentFragment();
    for (let number = 1; number <= this.pdf.numPages; number += 1) {
      const sheet = document.createElement("div");
      sheet.className = "sheet drawn-here";
      sheet.dataset.number = number;
      sheet.setAttribute("role", "group");
      sheet.setAttribute("aria-label", viewer.dataset.words.replace("{}", number));
      sheets.append(sheet);
    }
    frame.replaceChildren(sheets);
    frame.setAttribute("aria-label", viewer.ariaLabel); // it keeps its focus: wider pages are scrolled by keys
    this.sheets = [...frame.children];
    this.measure();
    if (this.number > 1 && location.hash !== "#fund") this.show(this.number); // what was found stands above the pages
    for (const sheet of this.sheets) {
      this.near.observe(sheet);
      this.seen.observe(sheet);
    }
    new ResizeObserver(() => this.fit()).observe(frame);
  }

  fit() {
    /* A phone was turned, or a window drawn wider: pages take the new width once it has settled. */
    clearTimeout(this.fitting);
    if (this.width !== this.laid) this.fitting = setTimeout(() => this.resize(this.zoom), 150);
  }

  get width() {
    return (frame.clientWidth * this.zoom) / 100;
  }

  measure() {
    this.laid = this.width;
    this.round = (this.round || 0) + 1; // what is on its way for the size of before is dropped
    for (const sheet of this.sheets) {
      const shape = sheet.shape || this.shape;
      sheet.style.width = `${this.width}px`;
      sheet.style.height = `${(this.width * shape.height) / shape.width}px`;
      sheet.state = "";
      sheet.replaceChildren();
    }
  }

  resize(zoom) {
    this.zoom = zoom;
    const number = this.number;
    this.measure();
    this.show(number);
    for (const sheet of this.sheets) {
      this.near.unobserve(sheet);
      this.near.observe(sheet);
    }
    this.writeAll();
  }

  show(number) {
    this.sheets[Math.min(Math.max(number, 1), this.sheets.length) - 1].scrollIntoView({ block: "start" });
  }

  arrive(entries) {
    for (const entry of entries) {
      if (entry.isIntersecting) this.draw(entry.target);
      else if (entry.target.state === "drawn") {
        entry.target.state = "";
        entry.target.querySelector("canvas").remove();
      }
    }
  }

  async draw(sheet) {
    if (sheet.state) return;
    sheet.state = "drawing";
    const round = this.round;
    const page = await this.pdf.getPage(Number(sheet.dataset.number));
    if (round !== this.round || sheet.state !== "drawing") return;
    const plain = page.getViewport({ scale: 1 });
    sheet.shape = plain;
    sheet.style.height = `${(this.width * plain.height) / plain.width}px`;
    const viewport = page.getViewport({ scale: this.width / plain.width });
    const dense = Math.min(window.devicePixelRatio || 1, 2);
    const canvas = document.createElement("canvas");
    canvas.width = Math.floor(viewport.width * dense);
    canvas.height = Math.floor(viewport.height * dense);
    canvas.setAttribute("aria-hidden", "true");
    sheet.prepend(canvas);
    await page.render({ canvas, viewport, transform: [dense, 0, 0, dense, 0, 0] }).promise;
    await this.write(sheet);
    if (round === this.round && sheet.state === "drawing") sheet.state = "drawn";
  }

  async write(sheet) {
    /* The words of a page stay once they are there, so that the browser's own search finds them. */
    if (sheet.querySelector(".textLayer")) return;
    const words = document.createElement("div");
    words.className = "textLayer";
    sheet.append(words);
    const page = await this.pdf.getPage(Number(sheet.dataset.number));
    const viewport = page.getViewport({ scale: this.width / page.getViewport({ scale: 1 }).width });
    words.style.setProperty("--total-scale-factor", viewport.scale);
    await new this.library.TextLayer({
      textContentSource: page.streamTextContent(), container: words, viewport,
    }).render();
    const wanted = viewer.dataset.wanted.toLowerCase();
    if (!wanted) return;
    for (const piece of words.querySelectorAll("span")) {
      if (piece.textContent.toLowerCase().includes(wanted)) piece.classList.add("wanted");
    }
  }

  async writeAll() {
    const round = this.round;
    for (const sheet of this.sheets.slice(0, SEARCHED)) {
      if (round !== this.round) return;
      await this.write(sheet);
    }
  }

  stop(entries) {
    const here = entries.find((entry) => entry.isIntersecting);
    if (!here) return;
    this.number = Number(here.target.dataset.number);
    field.value = this.number;
    this.offer();
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.remember(), 1500);
  }

  offer() {
    for (const [key, by] of STEPS) {
      const number = this.number + by;
      viewer.querySelector(`[data-key=${key}]`).hidden = number < 1 || number > this.sheets.length;
    }
  }

  remember() {
    if (!viewer.dataset.bookmark) return; // of an earlier version nobody remembers how far it was read
    const body = new URLSearchParams({ token: viewer.dataset.token, seite: this.number });
    fetch(viewer.dataset.bookmark, { method: "POST", body, keepalive: true });
  }
}

const field = viewer.querySelector("#seite");

const steer = (sheets) => {
  /* The bar's links and form move within the page now. */
  for (const [key, by] of STEPS) {
    viewer.querySelector(`[data-key=${key}]`).addEventListener("click", (event) => {
      event.preventDefault();
      sheets.show(sheets.number + by);
    });
  }
  field.form.addEventListener("submit", (event) => {
    event.preventDefault();
    sheets.show(Number(field.value) || 1);
  });
  for (const link of viewer.querySelectorAll("[data-zoom]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      for (const other of viewer.querySelectorAll("[data-zoom]")) other.removeAttribute("aria-current");
      link.setAttribute("aria-current", "true");
      sheets.resize(Number(link.dataset.zoom));
    });
  }
};

if (viewer.dataset.source) {
  const { source, library, worker, fonts, decoders, failed } = viewer.dataset;
  try {
    const pdfjs = await import(library);
    pdfjs.GlobalWorkerOptions.workerSrc = worker;
    const wishes = { url: source, standardFontDataUrl: fonts, wasmUrl: decoders, isEvalSupported: false, useSystemFonts: false };
    const pdf = await pdfjs.getDocument({ ...wishes, disableRange: true, disableStream: false }).promise;
    const sheets = new Sheets(pdf, pdfjs);
    await sheets.lay();
    steer(sheets);
    viewer.dataset.ready = "true";
    await sheets.writeAll();
  } catch (error) {
    const told = viewer.querySelector(".refused");
    told.textContent = failed;
    told.hidden = false;
    console.warn(error);
  }
}
