// The parts of a page that live (data-live) are asked for again: every 2 s while something runs,
// else every 30 s; only what differs is touched.
import { watchCharts } from "./charts.js";
import { morph } from "./morph.js";
import { showTimes } from "./times.js";

const busySeconds = 2;
const calmSeconds = 30;
const patienceMs = 10000;
const freshness = document.getElementById("freshness");
const main = document.getElementById("main");
let seenAt = Date.now();
let state = "fresh";

export function keepUpToDate() {
  if (!freshness || !main.querySelector("[data-live]")) return;
  freshness.hidden = false;
  tell();
  setInterval(tell, 1000);
  plan();
  document.addEventListener("visibilitychange", comeBack);
  window.addEventListener("focus", comeBack);
}

// Who comes back from another tab may have done something there.
function comeBack() {
  if (!document.hidden && Date.now() - seenAt > busySeconds * 1000) refresh();
}

let timer;
function plan() {
  clearTimeout(timer);
  const usual = main.dataset.busy === "true" || state === "lost" ? busySeconds : calmSeconds;
  const seconds = Math.max(usual, toldSeconds);
  timer = setTimeout(() => (document.hidden ? plan() : refresh()), seconds * 1000);
}

let asking = false;
let toldSeconds = 0; // by a server that wants to be left alone
async function refresh() {
  if (asking) return;
  asking = true;
  try {
    const answer = await fetch(location.href, {
      headers: { Accept: "text/html" },
      signal: AbortSignal.timeout(patienceMs),
    });
    toldSeconds = Number(answer.headers.get("Retry-After")) || 0;
    if (new URL(answer.url).pathname !== location.pathname) state = "signed-out";
    else if (!answer.ok) state = "lost";
    else show(await answer.text());
  } catch {
    state = "lost";
  }
  asking = false;
  tell();
  if (state !== "signed-out") plan();
}

function show(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  showTimes(page);
  for (const old of document.querySelectorAll("[data-live][id]")) {
    const next = page.getElementById(old.id);
    if (next) morph(old, next);
  }
  renewDialogs(page);
  main.toggleAttribute("data-busy", false);
  const busy = page.getElementById("main")?.dataset.busy;
  if (busy) main.dataset.busy = busy;
  watchCharts(document);
  seenAt = Date.now();
  state = "fresh";
}

// New rows bring dialogs of their own, and what a closed one says may have changed; one that is open
// stays as it is.
function renewDialogs(page) {
  for (const next of page.querySelectorAll("dialog[id]")) {
    const old = document.getElementById(next.id);
    if (!old) document.body.append(document.importNode(next, true));
    else if (!old.open && !old.isEqualNode(next)) old.replaceWith(document.importNode(next, true));
  }
}

function tell() {
  const seconds = Math.round((Date.now() - seenAt) / 1000);
  const time = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "medium" }).format(seenAt);
  const text = {
    fresh: freshness.dataset.updated.replace("{seconds}", seconds),
    lost: freshness.dataset.lost.replace("{time}", time),
    "signed-out": freshness.dataset.signedOut,
  }[state];
  freshness.classList.toggle("lost", state !== "fresh");
  // A screen reader hears of what changed, not of every second.
  freshness.setAttribute("aria-live", state === "fresh" ? "off" : "polite");
  if (freshness.textContent !== text) freshness.textContent = text;
}
