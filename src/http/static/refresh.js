// Puts the newest page in the place of this one, every thirty seconds while somebody looks at it. What is open stays open, and where
// renewd does not answer the page says so. Without this script the browser loads the page again by itself.
"use strict";

const EVERY = 30000;
let timer = 0;

function later() {
  clearTimeout(timer);
  timer = setTimeout(refresh, EVERY);
}

function stale(is) {
  const line = document.getElementById("stale");
  if (line) line.hidden = !is;
}

// Somebody reads or types here: what he looks at must not move away.
function busy() {
  const selection = document.getSelection();
  return document.hidden || (selection && !selection.isCollapsed);
}

async function refresh() {
  if (busy()) return later();
  try {
    const reply = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(10000) });
    if (!reply.ok) throw new Error(reply.status);
    const fresh = new DOMParser().parseFromString(await reply.text(), "text/html");
    if (!fresh.getElementById("main")) throw new Error("another page");
    const open = [...document.querySelectorAll("details[open][id]")].map((one) => one.id);
    const focus = document.activeElement && document.activeElement.getAttribute("href");
    for (const part of ["body > header", "body > main", "body > footer"]) {
      document.querySelector(part).replaceWith(document.adoptNode(fresh.querySelector(part)));
    }
    document.title = fresh.title;
    open.map((id) => document.getElementById(id)).forEach((one) => one && (one.open = true));
    if (focus) {
      const again = [...document.querySelectorAll("a[href]")].find((one) => one.getAttribute("href") === focus);
      if (again) again.focus({ preventScroll: true });
    }
  } catch {
    stale(true);
  }
  later();
}

document.addEventListener("visibilitychange", () => document.hidden || refresh());
later();
