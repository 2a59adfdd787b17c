/* What scripts add to pages that work without them: suggestions while typing, results that
   change in place, `/` for the search box, no holes where pictures fail. */
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

  box.addEventListener("input", (event) => {
    close();
    if (event.isComposing) {
      return;
    }
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

/* Results, counts and chips change in place: whatever changes the form of the page asks
   the server for the whole page and takes the live parts of the answer. An answer that a
   newer question has overtaken is dropped. Where anything fails, the browser loads the page. */
function updateInPlace(form) {
  const live = () => document.querySelectorAll("[data-live]");
  let asking = null;

  /* Focus stays where it was, though the element is a new one. */
  function remember() {
    const { id, name, value, tagName, selectionStart } = document.activeElement;
    return () => {
      const same = id
        ? document.getElementById(id)
        : [...document.getElementsByName(name ?? "")].find((e) => e.tagName === tagName && e.value === value);
      if (id === "find" && same) {
        same.value = value;
      }
      if (same && same !== document.activeElement) {
        same.focus({ preventScroll: true });
        if (same.type === "search") {
          same.setSelectionRange(selectionStart, selectionStart);
        }
      }
    };
  }

  function swap(page) {
    const restore = remember();
    for (const part of live()) {
      const fresh = page.querySelector(`[data-live="${part.dataset.live}"]`);
      part.replaceChildren(...fresh.childNodes);
    }
    for (const name of ["canonical", "alternate"]) {
      document.head.querySelectorAll(`link[rel=${name}]`).forEach((link) => link.remove());
      document.head.append(...page.head.querySelectorAll(`link[rel=${name}]`));
    }
    document.querySelector(".filters > summary").replaceChildren(...page.querySelector(".filters > summary").childNodes);
    document.title = page.title;
    showTools();
    nameApply();
    restore();
    said.textContent = document.querySelector(".summary h1").textContent;
  }

  async function show(url, remembered) {
    asking?.abort();
    const mine = (asking = new AbortController());
    try {
      const answer = await fetch(url, { signal: mine.signal, headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine.signal.aborted) {
        return;
      }
      swap(page);
      const address = document.querySelector("link[rel=canonical]").href;
      if (remembered === "push" && address !== location.href) {
        history.pushState(null, "", address);
      } else if (remembered === "replace") {
        history.replaceState(null, "", address);
      }
    } catch {
      if (!mine.signal.aborted) {
        location.assign(url);
      }
    }
  }

  function address(submitter, data = new FormData(form, submitter)) {
    const pairs = [...data].filter(([, value]) => value.trim() !== "");
    return `${form.action}?${new URLSearchParams(pairs)}`;
  }

  /* On a phone the button closes the sheet; its words say what is behind it. */
  function nameApply() {
    const button = document.querySelector(".apply button");
    button.textContent = button.dataset.apply;
  }

  const said = document.createElement("p");
  said.className = "unseen";
  said.setAttribute("role", "status");
  document.body.append(said);

  form.addEventListener("storydex:ask", (event) => show(address(null, event.detail), "push"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const sheet = document.querySelector(".filters");
    if (event.submitter?.closest(".apply") && sheet.open) {
      sheet.open = false;
      document.getElementById("results").scrollIntoView();
    }
    show(address(event.submitter), "push");
  });
  document.addEventListener("change", (event) => {
    if (event.target.form === form && event.target.type !== "search") {
      show(address(), "push");
    }
  });
  let timer = 0;
  const find = (event) => {
    if (event.target.id === "find" && !event.isComposing) {
      clearTimeout(timer);
      timer = setTimeout(() => show(address(), "replace"), DELAY_MS);
    }
  };
  document.addEventListener("input", find);
  document.addEventListener("compositionend", find);
  window.addEventListener("popstate", () => {
    form.elements.q.value = new URL(location.href).searchParams.get("q") ?? "";
    show(location.href);
  });
  nameApply();
  document.documentElement.classList.add("scripted");
}

/* Whoever drags over bars of the chart asks for what is between; a click follows the link. */
function chooseDates(form) {
  let from = null;
  let to = null;
  const barOf = (event) => document.elementFromPoint(event.clientX, event.clientY)?.closest(".when [data-day]");

  function between() {
    const bars = [...document.querySelectorAll(".when [data-day]")];
    const [first, last] = [bars.indexOf(from), bars.indexOf(to)].sort((a, b) => a - b);
    return bars.filter((bar, at) => first <= at && at <= last);
  }

  function mark(bars) {
    document.querySelectorAll(".when .within").forEach((bar) => bar.classList.remove("within"));
    bars.forEach((bar) => bar.classList.add("within"));
  }

  document.addEventListener("pointerdown", (event) => {
    from = event.button === 0 ? event.target.closest?.(".when [data-day]") : null;
    to = from;
  });
  // Else the browser drags the link away.
  document.addEventListener("dragstart", (event) => from && event.preventDefault());
  document.addEventListener("pointermove", (event) => {
    if (from) {
      to = barOf(event) ?? to;
      mark(from === to ? [] : between());
    }
  });
  document.addEventListener("pointercancel", () => {
    from = null;
    mark([]);
  });
  document.addEventListener("pointerup", () => {
    const bars = from && from !== to ? between() : [];
    from = null;
    if (bars.length) {
      const data = new FormData(form);
      data.set("since", bars[0].dataset.day);
      data.set("until", bars.at(-1).dataset.day);
      form.dispatchEvent(new CustomEvent("storydex:ask", { detail: data }));
    }
  });
}

/* Keeps addresses short where the browser loads the page: an empty field says nothing. */
function leaveOutEmptyFields(form) {
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) {
      if (value.trim() === "") {
        event.formData.delete(name);
      }
    }
  });
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
leaveOutEmptyFields(box.form);
if (document.querySelector(".results-page")) {
  updateInPlace(box.form);
  chooseDates(box.form);
}
