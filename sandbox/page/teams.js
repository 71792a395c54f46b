// Teams as one person sees it: channels with their threads, the chat with the bot, and its dialogs.

import { renderCard } from "./cards.js";
import { avatar, clock, el, keepTime, moment, only } from "./dom.js";
import { html } from "./markdown.js";
import { modelSwitch, presets } from "./world.js";

const $ = (id) => document.getElementById(id);
const RECENT = 3;
const here = { me: "", state: null, place: "", messages: [], unread: {}, open: new Set(), written: {}, folded: {} };
let stream = null, reading = null, again = false;

async function get(path, query = {}) {
  const answer = await fetch(`/_sandbox/teams/${path}?${new URLSearchParams({ as: here.me, ...query })}`);
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

async function post(path, body) {
  const answer = await fetch(`/_sandbox/${path}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ as: here.me, ...body }) });
  if (!answer.ok) { toast(`That did not work: ${await answer.text()}`); return {}; }
  return answer.json();
}

async function look(person) {
  delete document.body.dataset.ready;
  const answer = await fetch(`/_sandbox/teams/state${person ? `?as=${encodeURIComponent(person)}` : ""}`);
  if (!answer.ok) {
    if (!person) throw new Error(await answer.text());
    localStorage.removeItem("teams-person");
    return look("");
  }
  here.state = await answer.json();
  here.me = here.state.me;
  here.unread = {};
  here.open.clear();
  only($("toasts"), []);
  if (person) localStorage.setItem("teams-person", person);
  document.querySelector("[data-testid=to-slack]").hidden = !here.state.slack;
  only($("people"), here.state.people.map((one) => el("button", {
    type: "button", class: `person${one.id === here.me ? " here" : ""}`, "data-testid": `person-${one.id}`, "aria-pressed": String(one.id === here.me), title: one.name,
    onclick: () => look(one.id) }, avatar(one.name, false, true), el("span", {}, el("b", {}, one.name.split(" ")[0])))));
  only($("presets"), presets(here.state.senders, send));
  modelSwitch($("presets"));
  $("panel").hidden = !here.state.senders.length;
  dialog(here.state.dialog);
  connect();
  const known = here.state.conversations;
  const first = known.find((one) => one.id === here.place) ?? known.find((one) => one.kind === "channel") ?? known[0];
  await go(first.id);
}

function drawRail() {
  const entry = (one) => el("button", {
    type: "button", class: `entry${one.id === here.place ? " here" : ""}${here.unread[one.id] ? " unread" : ""}`, "data-testid": one.kind === "personal" ? "chat" : `channel-${one.name}`, onclick: () => go(one.id) },
  one.name, here.unread[one.id] ? el("span", { class: "badge" }, String(here.unread[one.id])) : null);
  const kinds = (channel) => here.state.conversations.filter((one) => (one.kind === "channel") === channel).map(entry);
  only($("chats"), kinds(false));
  only($("channels"), kinds(true));
}

const current = () => here.state.conversations.find((one) => one.id === here.place);

async function go(place) {
  here.place = place;
  here.unread[place] = 0;
  document.body.classList.remove("rail");
  $("menu").setAttribute("aria-expanded", "false");
  drawRail();
  const alone = current().kind === "personal";
  only($("name"), document.createTextNode(current().name));
  only($("topic"), document.createTextNode(alone ? "Only you and the bot" : ""));
  $("line").placeholder = alone ? "Message, or help" : `@${here.state.bot} …`;
  await read();
  $("messages").scrollTop = $("messages").scrollHeight;
}

// One reading at a time: what changes meanwhile is read right after.
async function read() {
  if (reading) { again = true; return reading; }
  reading = (async () => {
    do {
      again = false;
      const place = here.place, found = (await get("messages", { conversation: place })).messages;
      if (place === here.place) { here.messages = found; draw(); } else again = true;
    } while (again);
  })();
  try { await reading; } finally { reading = null; }
}

function draw() {
  const box = $("messages"), low = box.scrollHeight - box.scrollTop - box.clientHeight < 140;
  if (box.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) here.focus = document.activeElement.dataset.thread;
  const nodes = here.messages.map((one) => el("article", { class: "post", "data-testid": "post" }, message(one), one.replies.length || here.open.has(one.id) || current().kind === "channel" ? thread(one) : null));
  only(box, nodes.length ? nodes : el("p", { class: "empty" }, "Nothing has happened here yet. Quiet is good."));
  if (low) box.scrollTop = box.scrollHeight;
  if (here.focus) box.querySelector(`[data-thread="${here.focus}"]`)?.focus();
  here.focus = null;
}

function message(one) {
  const node = el("div", { class: "message", "data-testid": "message", "data-id": one.id }, avatar(one.by, one.bot),
    el("div", { class: "content" },
      el("p", { class: "by" }, el("b", {}, one.by), one.bot ? el("span", { class: "app" }, "APP") : null, el("time", { title: moment(one.at).toLocaleString() }, clock(one.at)), one.edits ? el("small", {}, " Edited") : null),
      one.text ? el("div", { class: "text" }, html(one.text)) : null,
      one.card ? renderCard(one.card, { act: (action, values, button) => press(one, action, values, button) }) : null));
  return node;
}

function thread(one) {
  const all = here.open.has(one.id), shown = all ? one.replies : one.replies.slice(-RECENT);
  const more = one.replies.length - shown.length;
  const input = el("input", { autocomplete: "off", "aria-label": "Reply", placeholder: `Reply with @${here.state.bot}`, "data-thread": one.id, oninput: () => { here.written[one.id] = input.value; } });
  input.value = here.written[one.id] ?? "";
  return el("div", { class: "thread", "data-testid": "thread" },
    more > 0 ? el("button", { type: "button", class: "plain more", "data-testid": "open-thread", onclick: () => { here.open.add(one.id); draw(); } }, `Show ${more} earlier ${more === 1 ? "reply" : "replies"}`) : null,
    shown.map(message),
    el("form", { class: "answer", "data-testid": "reply", onsubmit: (event) => {
      event.preventDefault();
      const text = input.value.trim();
      if (!text) return;
      here.written[one.id] = input.value = "";
      say(text, one.id);
    } }, input));
}

async function say(text, inThread = null) {
  const outcome = await post("teams/say", { conversation: here.place, text, thread: inThread });
  if (outcome.status === 0 || outcome.status >= 400) toast("The message was sent, but the bot did not take it.");
}

async function press(one, action, values, button) {
  button.classList.add("busy");
  try {
    outcome(await post("teams/press", { conversation: here.place, message: one.id, action, values }));
    await read();
  } finally {
    button.classList.remove("busy");
  }
}

function outcome(found) {
  for (const text of found.said ?? []) toast(text);
  if ("dialog" in found) dialog(found.dialog);
}

function dialog(found) {
  only($("modals"), []);
  if (!found) return;
  const act = async (action, values, button) => {
    button.disabled = true;
    const answer = await post("teams/submit", { action, values });
    button.disabled = false;
    outcome(answer);
  };
  const close = () => { dialog(null); post("teams/close", {}); };
  const box = el("div", { class: "modal", role: "dialog", "aria-modal": "true", "aria-label": found.title, "data-testid": "dialog", onkeydown: (event) => { if (event.key === "Escape") close(); } },
    el("div", { class: "head" }, el("h2", {}, found.title), el("button", { type: "button", class: "plain", "aria-label": "Close", onclick: close }, "✕")),
    el("div", { class: "body" }, renderCard(found.card, { act })));
  $("modals").append(el("div", { class: "backdrop" }, box));
  (box.querySelector("textarea, input, select") ?? box.querySelector("button")).focus();
}

function connect() {
  stream?.close();
  const socket = (stream = new WebSocket(`${location.origin.replace("http", "ws")}/_sandbox/teams/stream?as=${encodeURIComponent(here.me)}`));
  socket.onopen = () => { document.body.dataset.ready = "1"; };
  socket.onmessage = ({ data }) => {
    const change = JSON.parse(data);
    if (!String(change.type).startsWith("teams_")) return;
    if (change.conversation === here.place) read();
    else if (change.type === "teams_message") {
      here.unread[change.conversation] = (here.unread[change.conversation] ?? 0) + 1;
      drawRail();
    }
  };
  socket.onclose = () => {
    if (socket !== stream) return;
    delete document.body.dataset.ready;
    setTimeout(() => socket === stream && look(here.me).catch(connect), 1500);
  };
}

async function send(sender, preset, button) {
  button.disabled = true;
  const answer = await post("alert", { company: sender.company, preset: preset.id });
  button.disabled = false;
  const ids = (answer.answer?.results ?? []).map((one) => one.incident_id ?? "no incident").join(", ");
  toast(`${preset.title}: ${answer.status === 202 ? `taken, ${ids}` : `answered ${answer.status}`}`);
}

function toast(text) {
  const node = el("div", { class: "toast" }, text);
  $("toasts").append(node);
  setTimeout(() => node.remove(), 6000);
}

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("line").value.trim();
  if (!text) return;
  $("line").value = "";
  $("messages").scrollTop = $("messages").scrollHeight;
  say(text);
});
$("menu").addEventListener("click", () => { const open = document.body.classList.toggle("rail"); $("menu").setAttribute("aria-expanded", String(open)); });
document.addEventListener("click", () => document.querySelectorAll(".menu").forEach((menu) => { menu.hidden = true; }));
keepTime($("clock")).then(() => look(localStorage.getItem("teams-person") ?? ""));
