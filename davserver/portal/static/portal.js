/* What script adds: uploads with a progress bar and by dropping, menus that close, printing. Every page works without it. */
"use strict";

document.documentElement.classList.add("scripted");

for (const menu of document.querySelectorAll("details.menu")) {
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu.open) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
}
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

for (const form of document.querySelectorAll("form[data-uploads]")) {
  const chooser = form.querySelector("input[type=file]");
  const status = form.querySelector(".progress");
  const bar = status.querySelector("progress");
  const words = status.querySelector("p");

  const send = (body) => {
    const request = new XMLHttpRequest();
    status.hidden = false;
    words.textContent = form.dataset.sending;
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) bar.value = (100 * event.loaded) / event.total;
    });
    request.addEventListener("load", () => {
      if (request.status < 400) {
        window.location.assign(request.responseURL);
        return;
      }
      const page = new DOMParser().parseFromString(request.responseText, "text/html");
      const title = page.querySelector("h1");
      const sentence = page.querySelector("#sentence, .message p");
      refuse([title, sentence].map((part) => (part ? part.textContent : "")).join(". "));
    });
    request.addEventListener("error", () => refuse(form.dataset.failed));
    request.open("POST", form.action);
    request.send(body);
  };
  const refuse = (sentence) => {
    words.textContent = sentence;
    words.classList.add("refused");
    bar.value = 0;
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(new FormData(form));
  });
  for (const kind of ["dragenter", "dragover"]) {
    form.addEventListener(kind, (event) => {
      event.preventDefault();
      form.classList.add("over");
    });
  }
  form.addEventListener("dragleave", () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    if (event.dataTransfer.files.length) {
      chooser.files = event.dataTransfer.files;
      send(new FormData(form));
    }
  });
}

/* The code of a letter stands behind the # of its QR code, so that no server before ours sees or keeps it. */
for (const field of document.querySelectorAll("[data-from-address]")) {
  const code = decodeURIComponent(window.location.hash.slice(1));
  if (/^[A-Za-z2-7-]{32,60}$/.test(code)) {
    field.value = code;
    window.history.replaceState(null, "", window.location.pathname);
  }
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
