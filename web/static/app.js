/* What scripts add to pages that work without them: suggestions while typing,
   `/` for the search box, no holes where pictures fail. */
"use strict";

const DELAY_MS = 120;

/* A combobox as in the ARIA Authoring Practices: focus stays in the box, the
   chosen option is told by aria-activedescendant. */
function suggestWhileTyping(box) {
  const list = document.createElement("ul");
  list.id = "suggestions";
  list.className = "suggestions";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Suggestions");
  list.hidden = true;
  box.after(list);
  box.setAttribute("role", "combobox");
  box.setAttribute("aria-autocomplete", "list");
  box.setAttribute("aria-controls", list.id);
  box.setAttribute("aria-expanded", "false");

  let timer = 0;
  let asking = null;
  let typed = box.value;

  const options = () => [...list.children];
  const chosen = () => options().findIndex((o) => o.getAttribute("aria-selected") === "true");

  function close() {
    clearTimeout(timer);
    asking?.abort();
    list.hidden = true;
    list.replaceChildren();
    box.setAttribute("aria-expanded", "false");
    box.removeAttribute("aria-activedescendant");
  }

  function choose(index) {
    options().forEach((o, i) => o.setAttribute("aria-selected", String(i === index)));
    const option = options()[index];
    box.value = option ? option.dataset.value : typed;
    if (option) {
      box.setAttribute("aria-activedescendant", option.id);
    } else {
      box.removeAttribute("aria-activedescendant");
    }
  }

  function option(value, index) {
    const item = document.createElement("li");
    item.id = `suggestion-${index}`;
    item.dataset.value = value;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", "false");
    const known = value.toLowerCase().startsWith(typed.toLowerCase()) ? typed.length : 0;
    const rest = document.createElement("b");
    rest.textContent = value.slice(known);
    item.append(value.slice(0, known), rest);
    return item;
  }

  function show(values) {
    list.replaceChildren(...values.map(option));
    list.hidden = values.length === 0;
    box.setAttribute("aria-expanded", String(values.length > 0));
  }

  async function ask() {
    asking?.abort();
    asking = new AbortController();
    try {
      const url = `${box.dataset.suggest}?${new URLSearchParams({ q: typed })}`;
      const answer = await fetch(url, { signal: asking.signal });
      const found = answer.ok ? (await answer.json()).suggestions : [];
      show(found.filter((value) => value !== typed));
    } catch {
      // Superseded by a newer question, or offline: either way there is nothing to show.
    }
  }

  box.addEventListener("input", () => {
    close();
    typed = box.value;
    if (typed.trim().length > 1) {
      timer = setTimeout(ask, DELAY_MS);
    }
  });

  box.addEventListener("keydown", (event) => {
    const count = options().length;
    if (event.key === "Escape" && count) {
      event.preventDefault();
      choose(-1);
      close();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && count) {
      event.preventDefault();
      // One more place than there are options: back to what was typed.
      const step = event.key === "ArrowDown" ? 1 : -1;
      choose(((chosen() + 1 + step + count + 1) % (count + 1)) - 1);
    }
  });

  list.addEventListener("mousedown", (event) => {
    const item = event.target.closest("[role=option]");
    if (item) {
      event.preventDefault();
      box.value = item.dataset.value;
      box.form.requestSubmit();
    }
  });

  box.addEventListener("blur", close);
  box.form.addEventListener("submit", close);
}

function focusOnSlash(box) {
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      box.focus();
      box.select();
    }
  });
}

/* Keeps addresses short: an empty field says nothing. */
function leaveOutEmptyFields(form) {
  form.addEventListener("submit", () => {
    for (const field of form.querySelectorAll("input[name]")) {
      field.disabled = field.value.trim() === "";
    }
  });
}

/* Coming back with the back button finds the form as it was submitted. */
function restoreFields() {
  for (const field of document.querySelectorAll("form input[name]:disabled")) {
    field.disabled = false;
  }
}

/* A thumbnail keeps its place, so that nothing moves; a large picture gives it up. */
function hideBrokenPictures() {
  const hide = (image) => (image.closest(".picture") ?? image).remove();
  document.addEventListener("error", (event) => event.target.tagName === "IMG" && hide(event.target), true);
  for (const image of document.images) {
    if (image.complete && image.naturalWidth === 0) {
      hide(image);
    }
  }
}

const box = document.getElementById("q");
suggestWhileTyping(box);
focusOnSlash(box);
hideBrokenPictures();
document.querySelectorAll("form").forEach(leaveOutEmptyFields);
window.addEventListener("pageshow", restoreFields);
