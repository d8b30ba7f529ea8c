// One case after another. The next ones are here before they are wanted, so that a key shows the next case at once;
// the decision travels behind, is tried again while the network fails, and brings the case back when it was refused.

const KEYS = {
  infringing: "y", unrelated: "n", unsure: "u", licensed: "l", "fair-use": "f", skip: "s", undo: "z", down: "j", up: "k",
  before: "[", after: "]", play: " ", blink: "b", note: "c", search: "/", keys: "?",
};
const VERDICTS = new Set(["infringing", "unrelated", "unsure", "licensed", "fair-use"]);
const AHEAD = 4;

const stage = document.querySelector("#stage");
const told = document.querySelector("#told");
const form = document.querySelector("#note");
const dialog = document.querySelector("#keys");
const csrf = document.querySelector("meta[name=csrf]").content;
const wanted = JSON.parse(document.body.dataset.wanted);
const ready = []; // cards, the first is shown
const gone = new Set(); // decided or skipped here
const outbox = []; // decisions on their way
let keys = { ...KEYS, ...JSON.parse(localStorage.getItem("keys") || "{}") };
let asking = null;
let sending = false;
let element = null;
let pending = null; // a verdict that waits for its form
let painted = 0; // how many cases were shown, for whoever measures

async function call(path, body) {
  const answer = await fetch(path, {
    method: "POST", credentials: "same-origin",
    headers: { "Content-Type": "application/json", "X-CSRF": csrf }, body: JSON.stringify(body ?? {}),
  });
  if (answer.status === 401) location.assign("/sign-in");
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const error = new Error(typeof said.detail === "string" ? said.detail : `the desk answered ${answer.status}`);
    error.status = answer.status;
    throw error;
  }
  return said;
}

function tell(text, bad = false) {
  told.textContent = text;
  told.classList.toggle("bad", bad);
}

function fill() {
  if (ready.length >= AHEAD || asking) return asking;
  const but = [...gone, ...ready.map((one) => one.id), ...outbox.map((one) => one.card.id)];
  asking = call("/v1/next", { wanted, but, most: AHEAD - ready.length })
    .then((found) => {
      for (const one of found) add(one);
      if (!ready.length && !outbox.length) document.querySelector("#done").hidden = false;
    })
    .catch((error) => { tell(error.message, true); setTimeout(fill, 2000); })
    .finally(() => { asking = null; });
  return asking;
}

function make(one) {
  const holder = document.createElement("div");
  holder.innerHTML = one.html; // our own template's, which escapes what strangers wrote
  const card = { id: one.id, seen: one.seen, node: holder.firstElementChild };
  card.node.hidden = true;
  stage.append(card.node);
  return card;
}

function add(one, front = false) {
  if (ready.some((card) => card.id === one.id)) return;
  const card = make(one);
  if (front) ready.unshift(card); else ready.push(card);
  show();
}

function show() {
  ready.forEach((card, number) => { card.node.hidden = number > 0; });
  document.querySelector("#done").hidden = ready.length > 0 || !!asking || outbox.length > 0;
  element = null;
  stage.classList.remove("blink");
  if (ready.length) requestAnimationFrame(() => { painted += 1; document.body.dataset.painted = painted; document.body.dataset.case = ready[0]?.id ?? ""; });
}

function leave() {
  const card = ready.shift();
  card.node.remove();
  gone.add(card.id);
  show();
  fill();
  return card;
}

function decide(verdict, extra = {}) {
  if (!ready.length) return;
  const chosen = [...ready[0].node.querySelectorAll("input[name=member]:checked")].map((box) => box.value);
  const body = { verdict, seen: ready[0].seen, findings: chosen, ...extra };
  if (element) body.element = element;
  outbox.push({ card: leave(), body });
  keep();
  send();
}

function keep() { // what is on its way outlives the page: a session that ended, a tab that was reloaded
  sessionStorage.setItem("outbox", JSON.stringify(outbox.map(({ card, body }) => ({ card: { id: card.id }, body }))));
}

async function send() {
  if (sending) return;
  sending = true;
  while (outbox.length) {
    const { card, body } = outbox[0];
    try {
      const said = await call(`/v1/cases/${encodeURIComponent(card.id)}/decision`, body);
      outbox.shift();
      keep();
      tell(`${card.id}: ${body.verdict}`);
      document.body.dataset.decided = Number(document.body.dataset.decided || 0) + 1;
      if (said.status === "open") { gone.delete(card.id); fill(); } // a member that differs asks for its own verdict
    } catch (error) {
      if (error.status === 401) return; // on to the sign-in; it is sent afterwards
      if (!error.status || error.status >= 500) { // the network, or the desk restarts: nothing is lost by waiting
        tell(`${error.message}; ${outbox.length} waiting to be sent`, true);
        await new Promise((resolve) => setTimeout(resolve, 1000));
        continue;
      }
      outbox.shift();
      keep();
      tell(`${card.id}: ${error.message}`, true);
    }
  }
  sending = false;
  show();
}

async function undo() {
  while (sending || outbox.length) await new Promise((resolve) => setTimeout(resolve, 20));
  try {
    const said = await call("/v1/undo");
    gone.delete(said.case);
    const [one] = await call("/v1/next", { only: said.case });
    const at = ready.findIndex((card) => card.id === said.case);
    if (at >= 0) ready.splice(at, 1)[0].node.remove();
    add(one, true);
    document.body.dataset.undone = Number(document.body.dataset.undone || 0) + 1;
    tell(`${said.case}: undone`);
  } catch (error) { tell(error.message, true); }
}

function ask(verdict) { // what a verdict needs to be said with it
  pending = verdict;
  form.hidden = false;
  form.querySelector(".fair").hidden = verdict !== "fair-use";
  form.querySelector(".until").hidden = verdict !== "licensed";
  form.querySelector(verdict === "fair-use" ? "[name=fair_use]" : verdict === "licensed" ? "[name=until]" : "[name=note]").focus();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const said = new FormData(form);
  const extra = { note: said.get("note") };
  if (pending === "fair-use") extra.fair_use = said.get("fair_use");
  if (pending === "licensed" && said.get("until")) extra.until = `${said.get("until")}T00:00:00Z`;
  close();
  if (VERDICTS.has(pending)) decide(pending, extra); else ready[0].note = extra.note;
  form.reset();
});

function close() {
  form.hidden = true;
  document.activeElement?.blur();
}

function pair(step) {
  const shown = [...ready[0].node.querySelectorAll(".pair")];
  const at = shown.findIndex((one) => !one.hidden);
  const next = (at + step + shown.length) % shown.length;
  shown.forEach((one, number) => { one.hidden = number !== next; });
  ready[0].node.querySelectorAll("[data-pair]").forEach((one, number) => one.classList.toggle("chosen", number === next));
}

function play() {
  for (const picture of ready[0].node.querySelectorAll(".pair:not([hidden]) img[data-clip]")) {
    const video = document.createElement("video");
    Object.assign(video, { src: picture.dataset.clip, muted: true, controls: true, autoplay: true, loop: true, playsInline: true });
    video.setAttribute("aria-label", picture.alt);
    picture.replaceWith(video);
  }
}

const ACTS = {
  infringing: () => decide("infringing", note()), unrelated: () => decide("unrelated", note()),
  unsure: () => decide("unsure", note()), licensed: () => ask("licensed"), "fair-use": () => ask("fair-use"),
  skip: () => ready.length && leave(), undo, down: () => ready.length && leave(), up: undo,
  before: () => pair(-1), after: () => pair(1), play, blink: () => stage.classList.toggle("blink"),
  note: () => ask("note"), search: () => location.assign("/"), keys: () => { draw(); dialog.showModal(); },
  cancel: close, close: () => dialog.close(),
  reset: () => { keys = { ...KEYS }; localStorage.removeItem("keys"); draw(); label(); },
};

function note() {
  return ready[0]?.note ? { note: ready[0].note } : {};
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") { close(); return; }
  if (dialog.open || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.target.type !== "checkbox") return;
  if (event.target.tagName === "BUTTON" && (event.key === " " || event.key === "Enter")) return;
  const act = Object.keys(keys).find((name) => keys[name] === event.key);
  if (act) {
    event.preventDefault();
    ACTS[act]();
  } else if (/^[1-9]$/.test(event.key) && ready.length) {
    const named = ready[0].node.querySelectorAll("[data-element]")[Number(event.key) - 1];
    if (named) { element = named.dataset.element; tell(named.textContent); }
  }
});

document.addEventListener("click", (event) => {
  const act = event.target.closest("[data-act]")?.dataset.act;
  if (act) ACTS[act]();
  const strip = event.target.closest("[data-pair]");
  if (strip) pair(Number(strip.dataset.pair) - [...ready[0].node.querySelectorAll(".pair")].findIndex((one) => !one.hidden));
});

function draw() { // the overlay: every key, each to be changed
  const holder = dialog.querySelector("div");
  holder.replaceChildren(...Object.keys(KEYS).flatMap((name) => {
    const words = document.createElement("span");
    words.textContent = document.querySelector(`#buttons [data-act="${name}"]`)?.lastChild.textContent ?? holder.dataset[name] ?? name;
    const button = document.createElement("button");
    button.className = "plain";
    button.type = "button";
    button.dataset.key = name;
    button.textContent = keys[name] === " " ? "space" : keys[name];
    button.setAttribute("aria-label", `${words.textContent}: ${button.textContent}`);
    button.addEventListener("click", () => { button.textContent = "…"; listen(name); });
    return [button, words];
  }));
}

function listen(name) {
  dialog.addEventListener("keydown", (event) => {
    event.preventDefault();
    event.stopPropagation();
    if (event.key !== "Escape" && event.key.length === 1) {
      const other = Object.keys(keys).find((one) => keys[one] === event.key);
      if (other) keys[other] = keys[name]; // the two change places: no key is left without an act
      keys[name] = event.key;
      localStorage.setItem("keys", JSON.stringify(keys));
    }
    draw();
    label();
  }, { once: true });
}

function label() {
  for (const button of document.querySelectorAll("#buttons [data-act]"))
    button.querySelector("kbd").textContent = keys[button.dataset.act] === " " ? "space" : keys[button.dataset.act];
}

for (const box of document.querySelectorAll("[data-calm]")) {
  box.checked = localStorage.getItem(box.dataset.calm) === "1";
  const apply = () => { stage.classList.toggle(box.dataset.calm, box.checked); localStorage.setItem(box.dataset.calm, box.checked ? "1" : "0"); };
  box.addEventListener("change", apply);
  apply();
}

outbox.push(...JSON.parse(sessionStorage.getItem("outbox") || "[]"));
send();
setInterval(() => { if (ready.length) call(`/v1/cases/${encodeURIComponent(ready[0].id)}/lease`).catch((error) => tell(error.message, true)); }, 240000);
label();
const start = document.body.dataset.start;
(start ? call("/v1/next", { only: start }).then(([one]) => add(one)).catch((error) => tell(error.message, true)) : Promise.resolve()).then(fill);
