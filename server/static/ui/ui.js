// Adds to pages that are whole without it: local times, copy buttons, keys, and refreshing while something shown runs.
// Other modules do not import this one, which would run it twice: the event "lineal:shown" on the document tells them that <main> is
// a new one, and they send the event "lineal:added" (bubbling) from an element that they filled.

const REFRESH_MS = 5000;
const KEYS_OFF = "lineal.keys.off";

const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

function say(text) {
  document.getElementById("said").textContent = text;
}

function enhance(scope) {
  for (const time of scope.querySelectorAll("time[datetime]")) {
    const when = new Date(time.dateTime);
    if (!Number.isNaN(when.getTime())) time.textContent = local.format(when);
  }
  if (navigator.clipboard) for (const button of scope.querySelectorAll("button.copy")) button.hidden = false;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button.copy");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy ?? document.getElementById(button.dataset.from).textContent);
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1500);
    say("Copied");
  } catch {
    say("The browser does not allow copying here");
  }
});

// Keys: / searches, j and k go through the rows, x selects one. They can be switched off in the footer.

function keysAreOff() {
  try {
    return localStorage.getItem(KEYS_OFF) === "1";
  } catch {
    return false;
  }
}

function rowLinks() {
  return [...document.querySelectorAll("main [data-row]")].map((row) => row.querySelector("a[href]")).filter(Boolean);
}

function step(by) {
  const links = rowLinks();
  if (!links.length) return;
  const row = document.activeElement?.closest?.("[data-row]");
  const here = row ? links.findIndex((link) => row.contains(link)) : -1;
  const next = here < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(Math.max(here + by, 0), links.length - 1);
  links[next].focus();
  links[next].closest("[data-row]").scrollIntoView({ block: "nearest" });
}

function select() {
  const box = document.activeElement?.closest?.("[data-row]")?.querySelector("input[type=checkbox]");
  if (box) box.click();
  return Boolean(box);
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || keysAreOff()) return;
  const field = event.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");
  if (field) {
    if (event.key === "Escape") field.blur();
    return;
  }
  if (event.key === "/") document.getElementById("search").focus();
  else if (event.key === "j") step(1);
  else if (event.key === "k") step(-1);
  else if (event.key !== "x" || !select()) return;
  event.preventDefault();
});

const toggle = document.getElementById("shortcuts");
function label() {
  const state = keysAreOff() ? "off" : "on";
  toggle.textContent = `Keyboard shortcuts are ${state}: / searches, j and k go through rows, x selects`;
  toggle.setAttribute("aria-pressed", String(state === "on"));
}
toggle.addEventListener("click", () => {
  try {
    localStorage.setItem(KEYS_OFF, keysAreOff() ? "0" : "1");
  } catch {
    say("The browser does not keep this");
  }
  label();
});
toggle.hidden = false;
label();

// <main data-watch="ADDRESS">: while the page has it, one small request now and then; when its answer changes, the page is shown anew.
// The first one always does, for what changed since the page was made.

let seen;

function isInUse(main) {
  const active = document.activeElement;
  const writes = main.contains(active) && active.matches("input:not([type=checkbox]), textarea, select");
  return writes || getSelection()?.type === "Range" || Boolean(main.querySelector("dialog[open]"));
}

// Returns whether it was shown: not while somebody has begun to write in the page.
async function showAnew(main) {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return false;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (isInUse(main)) return false;
  const next = document.adoptNode(fresh.querySelector("main"));
  const focused = main.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  const open = [...main.querySelectorAll("details[id]")];
  const checked = [...main.querySelectorAll("input[type=checkbox]:checked")].map((box) => box.value);
  main.replaceWith(next);
  document.title = fresh.title;
  for (const old of open) next.querySelector(`#${CSS.escape(old.id)}`)?.toggleAttribute("open", old.open);
  for (const box of next.querySelectorAll("input[type=checkbox]")) box.checked = checked.includes(box.value);
  if (focused) next.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  enhance(next);
  document.dispatchEvent(new CustomEvent("lineal:shown"));
  return true;
}

async function look() {
  const main = document.querySelector("main");
  if (!main.dataset.watch) return;
  if (!document.hidden && !isInUse(main)) {
    try {
      const answer = await fetch(main.dataset.watch, { headers: { accept: "application/json" } });
      if (answer.ok) {
        const text = await answer.text();
        if (text === seen || (await showAnew(main))) seen = text;
      }
    } catch {
      // The server may be restarting: the next look finds it again.
    }
  }
  setTimeout(look, REFRESH_MS);
}

document.addEventListener("lineal:added", (event) => enhance(event.target));
enhance(document);
setTimeout(look, REFRESH_MS);
