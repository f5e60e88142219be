"use strict";
(() => {
  const STEP_MS = 5000;
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const data = JSON.parse(byId("data").textContent);
  const lanes = byId("lanes"), cursor = byId("cursor"), slider = byId("slider"), panel = byId("panel");
  const turns = all(".turn");
  const read = Object.fromEntries(all("[data-read]").map((cell) => [cell.dataset.read, cell]));
  let now = 0;

  const language = () => root.dataset.ui;
  const words = (pair) => pair[language() === "zh" ? 1 : 0];
  const clock = (ms) => {
    const s = Math.floor(ms / 1000), two = (n) => String(n).padStart(2, "0");
    const tail = two(Math.floor(s / 60) % 60) + ":" + two(s % 60);
    return s >= 3600 ? Math.floor(s / 3600) + ":" + tail : tail;
  };

  // the moment that covers a time is the first that ends at or after it
  const momentAt = (ms) => {
    let low = 0, high = data.moments.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (data.moments[middle][0] < ms) low = middle + 1; else high = middle;
    }
    return data.moments[low];
  };

  const number = (value) => (value === null ? "–" : value.toFixed(2));
  const show = (name, text) => { if (read[name]) read[name].textContent = text; };

  const describe = () => {
    const moment = data.moments.length ? momentAt(now) : null;
    show("time", clock(now));
    if (!moment) { slider.setAttribute("aria-valuetext", clock(now)); return; }
    const [, text, voice, score, state, drift, conflict, textStatus, voiceStatus] = moment;
    const pill = document.createElement("span");
    pill.className = "pill p-" + data.keys[state];
    pill.textContent = words(data.states[state]);
    read.state.replaceChildren(pill);
    const gap = text === null || voice === null ? null : voice - text;
    show("score", number(score));
    show("text", text === null ? words(data.statuses[textStatus]) : number(text));
    show("voice", voice === null ? words(data.statuses[voiceStatus]) : number(voice));
    show("gap", gap === null ? "–" : (gap >= 0 ? "+" : "") + number(gap));
    show("drift", gap === null ? "–" : words(data.drifts[drift]));
    show("conflict", conflict < 0 ? "–" : words(data.conflicts[conflict]));
    slider.setAttribute("aria-valuetext", clock(now) + ", " + pill.textContent + ", " + number(score));
  };

  const followTurns = () => {
    let current = null;
    for (const turn of turns) {
      if (Number(turn.dataset.start) > now) break;
      current = turn;
    }
    for (const turn of turns) {
      const isNow = turn === current;
      turn.classList.toggle("now", isNow);
      if (isNow) turn.setAttribute("aria-current", "true"); else turn.removeAttribute("aria-current");
    }
    if (!current) return;
    const top = current.offsetTop - panel.offsetTop, bottom = top + current.offsetHeight;
    const base = getComputedStyle(panel).position === "static" ? top : current.offsetTop;
    if (base < panel.scrollTop || base + bottom - top > panel.scrollTop + panel.clientHeight) {
      panel.scrollTop = base - panel.clientHeight / 3;
    }
  };

  const moveTo = (ms) => {
    now = Math.min(Math.max(Math.round(ms), 0), data.total);
    cursor.style.left = (100 * now) / data.total + "%";
    slider.value = String(now);
    describe();
    followTurns();
  };

  const setLanguage = (code) => {
    root.dataset.ui = code;
    root.lang = code === "zh" ? "zh-Hans" : "en";
    for (const button of all("[data-set]")) button.setAttribute("aria-pressed", String(button.dataset.set === code));
    for (const element of all("[data-en]")) element.textContent = element.dataset[code];
    document.title = data.source + ": " + words(data.title);
    describe();
  };

  const seekPointer = (event) => {
    const box = lanes.getBoundingClientRect();
    moveTo(((event.clientX - box.left) / box.width) * data.total);
  };

  const openChange = (id) => {
    const change = byId(id);
    if (!change || change.tagName !== "DETAILS") return;
    change.open = true;
    change.querySelector("summary").focus();
  };

  slider.max = String(data.total);
  slider.step = "1";
  for (const element of [cursor, slider, byId("hint"), document.querySelector(".toggle")]) element.hidden = false;

  slider.addEventListener("input", () => moveTo(Number(slider.value)));
  slider.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -6, PageUp: 6 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    moveTo((Math.round(now / STEP_MS) + steps[event.key]) * STEP_MS);
  });
  lanes.addEventListener("pointerdown", (event) => {
    if (event.target === slider || event.target.closest("a")) return;
    seekPointer(event);
    lanes.setPointerCapture(event.pointerId);
  });
  lanes.addEventListener("pointermove", (event) => {
    if (lanes.hasPointerCapture(event.pointerId)) seekPointer(event);
  });
  lanes.addEventListener("pointerup", () => slider.focus({ preventScroll: true }));
  document.addEventListener("click", (event) => {
    const seek = event.target.closest("[data-seek]");
    const turn = event.target.closest(".turn");
    const link = event.target.closest('a[href^="#change-"]');
    const code = event.target.closest("[data-set]");
    if (seek) {
      moveTo(Number(seek.dataset.seek));
      if (seek.classList.contains("go")) { lanes.scrollIntoView({ block: "center" }); slider.focus({ preventScroll: true }); }
    } else if (turn) moveTo(Number(turn.dataset.start));
    else if (link) openChange(link.getAttribute("href").slice(1));
    else if (code) setLanguage(code.dataset.set);
  });
  window.addEventListener("hashchange", () => openChange(location.hash.slice(1)));
  window.addEventListener("beforeprint", () => { for (const change of all(".change")) change.open = true; });

  setLanguage(language());
  const peak = data.moments.reduce((best, m) => (best && best[3] >= m[3] ? best : m), null);
  moveTo(peak ? peak[0] : 0);
  openChange(location.hash.slice(1));
})();
