// Optional extras: every page works without this file.
"use strict";

// Submit a form only once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if ("sent" in form.dataset) event.preventDefault();
  form.dataset.sent = "";
});

window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// Copy to the clipboard; if the browser won't, select the text for the user to copy.
const STATUS_SHOWN_FOR = 2000; // milliseconds

function select(element) {
  getSelection().selectAllChildren(element);
}

async function copy(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return "Copied";
  } catch {
    select(element);
    if (document.execCommand("copy")) return "Copied";
    return /Mac|iP/.test(navigator.platform) ? "Press ⌘C" : "Press Ctrl+C";
  }
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  const label = button.textContent;
  const status = document.getElementById(button.dataset.status);
  let timer;
  button.hidden = false;
  button.style.minWidth = `${button.getBoundingClientRect().width}px`; // keeps the width when the label changes
  button.addEventListener("click", async () => {
    const message = await copy(document.getElementById(button.dataset.copy));
    button.textContent = status.textContent = message;
    clearTimeout(timer);
    timer = setTimeout(() => {
      button.textContent = label;
      status.textContent = "";
    }, STATUS_SHOWN_FOR);
  });
}

// Show times in the reader's time zone and name it; without scripting they are in UTC, in the same format.
const part = (at, options) => new Intl.DateTimeFormat("en-GB", options).format(at);
const clock = { hour: "2-digit", minute: "2-digit" };
const short = (at) => `${at.getDate()} ${part(at, { month: "long" }).slice(0, 3)}`;
const WORDS = {
  full: (at) =>
    part(at, { day: "numeric", month: "long", year: "numeric" }) +
    `, ${part(at, { ...clock, timeZoneName: "short" })}`,
  day: (at) => `${short(at)} ${at.getFullYear()}`,
  minute: (at) => `${short(at)} ${part(at, clock)}`,
};
for (const time of document.querySelectorAll("time[data-at]")) {
  const at = new Date(time.dateTime);
  const kind = time.dataset.at;
  if (kind in WORDS) time.textContent = WORDS[kind](at);
  if (kind !== "full") time.title = WORDS.full(at);
}

// Only this page shows a new key: its history entry points to the key's page, and leaving removes the key.
const reveal = document.querySelector("[data-reveal]");
if (reveal) {
  history.replaceState(null, "", reveal.dataset.reveal);
  window.addEventListener("pagehide", () => {
    for (const element of document.querySelectorAll("[data-secret]")) {
      element.textContent = element.dataset.secret;
    }
  });
}
