/* Tools beside results and stories: copy a link, save a search in this browser, list those saved. */
"use strict";

const SAVED = "storydex.saved";

/* What is kept: a name and the address of a search, newest first. */
function readSaved() {
  try {
    const found = JSON.parse(localStorage.getItem(SAVED) ?? "[]");
    return found.filter((one) => typeof one.name === "string" && /^\/(?!\/)/.test(one.url));
  } catch {
    return [];
  }
}

function writeSaved(searches) {
  try {
    localStorage.setItem(SAVED, JSON.stringify(searches));
    return true;
  } catch {
    return false;
  }
}

function showTools() {
  document.querySelectorAll(".tools").forEach((tools) => (tools.hidden = false));
}

async function copyLink(button) {
  const text = button.closest("[data-copy]").dataset.copy;
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without TLS there is no clipboard: a field with the link, to be copied by hand.
    const field = document.createElement("input");
    field.value = text;
    field.readOnly = true;
    field.setAttribute("aria-label", "Link");
    button.replaceWith(field);
    field.select();
    done = false;
  }
  if (done) {
    button.textContent = "Link copied";
  }
}

function saveSearch(button) {
  const { save: name, query: url } = button.closest("[data-save]").dataset;
  const others = readSaved().filter((one) => one.url !== url);
  button.textContent = writeSaved([{ name, url }, ...others]) ? "Saved" : "This browser saves nothing";
}

document.addEventListener("click", (event) => {
  const button = event.target.closest(".tools button");
  if (button?.classList.contains("copy")) {
    copyLink(button);
  } else if (button) {
    saveSearch(button);
  }
});

/* The page of saved searches. */
function listSaved(list) {
  document.getElementById("saved-unscripted").remove();
  const none = document.getElementById("saved-none");
  const link = (href, text) => {
    const found = document.createElement("a");
    found.href = href;
    found.textContent = text;
    return found;
  };

  function row(search) {
    const item = document.createElement("li");
    const name = document.createElement("input");
    name.value = search.name;
    name.dir = "auto";
    name.setAttribute("aria-label", "Name");
    name.addEventListener("change", () => {
      writeSaved(readSaved().map((one) => (one.url === search.url ? { ...one, name: name.value } : one)));
      show(search.url);
    });
    const remove = document.createElement("button");
    remove.type = "button";
    remove.textContent = "Remove";
    remove.setAttribute("aria-label", `Remove ${search.name}`);
    remove.addEventListener("click", () => {
      writeSaved(readSaved().filter((one) => one.url !== search.url));
      show();
      (list.querySelector("a") ?? document.getElementById("main")).focus();
    });
    const query = search.url.includes("?") ? search.url.slice(search.url.indexOf("?")) : "";
    const open = link(search.url, search.name);
    open.dir = "auto";
    open.className = "open";
    const { root } = list.dataset;
    item.append(open, name, link(`${root}/feed.atom${query}`, "Atom"), link(`${root}/feed.json${query}`, "JSON Feed"), remove);
    return item;
  }

  function show(focused) {
    const searches = readSaved();
    list.replaceChildren(...searches.map(row));
    none.hidden = searches.length > 0;
    const at = searches.findIndex((one) => one.url === focused);
    list.children[at]?.querySelector("input").focus();
  }

  show();
}

showTools();
const savedList = document.getElementById("saved");
if (savedList) {
  listSaved(savedList);
}
