// The workspace as one person sees it. State comes from the sandbox; changes arrive on a WebSocket.

import { renderBlocks } from "./blocks.js";
import { ago, avatar, clock, day, el, keepTime, moment, only } from "./dom.js";
import { Modals } from "./modal.js";
import { know, mrkdwn } from "./mrkdwn.js";
import { machines, mails, modelSwitch, phones, presets } from "./world.js";

const $ = (id) => document.getElementById(id);
const WORDS = ["status", "list", "mine", "claim INC-", "note INC-", "run ", "resolve INC-", "why INC-", "details INC-", "whoami", "help"];
const api = {
  state: null, me: null, place: null, thread: null,
  async get(path, query = {}) {
    const answer = await fetch(`/_sandbox/${path}?${new URLSearchParams({ as: this.me, ...query })}`);
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  },
  async post(path, body) {
    const answer = await fetch(`/_sandbox/${path}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ as: this.me, ...body }) });
    if (!answer.ok) { toast(`That did not work: ${await answer.text()}`); return {}; }
    return answer.json();
  },
};
const modals = new Modals($("modals"), api);
let stream = null, messages = [], replies = [];

async function look(person) {
  delete document.body.dataset.ready;
  if (person) localStorage.setItem("person", person);
  api.me = person;
  const answer = await fetch(`/_sandbox/state${person ? `?as=${person}` : ""}`);
  if (!answer.ok) { localStorage.removeItem("person"); return look(""); }
  api.state = await answer.json();
  api.me = api.state.me.id;
  know(api.state.users, api.state.channels, api.state.bot);
  document.title = api.state.team.name;
  only($("team"), document.createTextNode(api.state.team.name));
  $("worlds").hidden = !api.state.teams;
  drawPeople();
  only($("presets"), presets(api.state.senders ?? [], send));
  modelSwitch($("presets"));
  $("panel").hidden = !(api.state.senders ?? []).length;
  modals.clear();
  for (const view of api.state.views ?? []) modals.show(view);
  connect();
  const known = [...api.state.channels.map((one) => one.id), "home", "machines", "mail", "phones"];
  await go(known.includes(api.place) ? api.place : api.state.channels[0]?.id ?? "machines");
}

function drawPeople() {
  only($("people"), api.state.users.map((user) => el("button", {
    class: `person${user.id === api.me ? " here" : ""}`, type: "button", "data-testid": `person-${user.id}`, "aria-pressed": String(user.id === api.me), title: `${user.real_name}, ${user.label}`,
    onclick: () => look(user.id) }, avatar(user.real_name, false, true), el("span", {}, el("b", {}, user.real_name.split(" ")[0]), el("small", {}, user.label)))));
}

function drawRail() {
  only($("channels"), api.state.channels.map((channel) => el("button", {
    type: "button", class: `entry${channel.id === api.place ? " here" : ""}${channel.unread ? " unread" : ""}`, "data-testid": `channel-${channel.name}`, onclick: () => go(channel.id) },
  `${channel.is_im ? "" : "# "}${channel.name}`, channel.unread && channel.id !== api.place ? el("span", { class: "badge" }, String(channel.unread)) : null)));
  only($("apps"), el("button", { type: "button", class: `entry${api.place === "home" ? " here" : ""}`, "data-testid": "home", onclick: () => go("home") }, `🏠 ${api.state.bot.name}`));
  only($("places"), [["machines", "🖥 Machines"], ["mail", "✉ Mail"], ["phones", "☎ Phones"]].map(([id, name]) => el("button", {
    type: "button", class: `entry${id === api.place ? " here" : ""}`, "data-testid": id, onclick: () => go(id) }, name)));
}

async function go(place) {
  api.place = place;
  document.body.classList.remove("rail");
  $("menu").setAttribute("aria-expanded", "false");
  closeThread();
  const channel = api.state.channels.find((one) => one.id === place);
  if (channel) channel.unread = 0;
  drawRail();
  only($("name"), document.createTextNode(channel ? `# ${channel.name}` : { home: api.state.bot.name, mail: "Mail", phones: "Phones" }[place] ?? "Machines"));
  only($("topic"), document.createTextNode(channel?.topic ?? ""));
  $("composer").hidden = !channel;
  $("line").placeholder = channel ? `Message #${channel.name}, or /aw …` : "";
  if (place === "home") {
    drawHome();
    await api.post("open_home", {});
    return;
  }
  if (!channel) {
    await drawWorld();
    $("messages").scrollTop = 0;
    return;
  }
  messages = (await api.get("messages", { channel: place })).messages;
  draw();
  $("messages").scrollTop = $("messages").scrollHeight;
}

function drawHome() {
  const view = api.state.home;
  const host = { users: api.state.users, act: (blockId, action) => api.post("action", { view_id: view.id, block_id: blockId, action, state: { values: {} } }) };
  only($("messages"), view ? el("div", { class: "home", "data-testid": "home-view" }, renderBlocks(view.blocks, host)) : el("p", { class: "empty" }, "The app shows nothing here yet."));
}

async function drawWorld() {
  const place = api.place, list = await api.get(place);
  if (place !== api.place) return;
  if (place === "phones") return only($("messages"), phones(list.messages, (one) => api.post(`phones/${one.sid}`, { said: "1" })));
  only($("messages"), place === "mail" ? mails(list.mails) : machines(list.machines));
}

function draw() {
  const box = $("messages"), low = box.scrollHeight - box.scrollTop - box.clientHeight < 120;
  let last = null, lastDay = "";
  const nodes = [];
  for (const one of messages) {
    if (day(one.ts) !== lastDay) nodes.push(el("div", { class: "day" }, el("span", {}, (lastDay = day(one.ts)))));
    const together = last && last.user === one.user && !last.ephemeral && !one.ephemeral && !one.blocks && Number(one.ts) - Number(last.ts) < 300;
    nodes.push(message(one, together));
    last = one;
  }
  if (!nodes.length) nodes.push(el("p", { class: "empty" }, "Nothing has happened here yet. Quiet is good."));
  only(box, nodes);
  if (low) box.scrollTop = box.scrollHeight;
}

function who(one) {
  if (one.bot_id || one.user === api.state.bot.user_id) return { name: api.state.bot.name, bot: true };
  const user = api.state.users.find((known) => known.id === one.user);
  return { name: user?.real_name ?? one.user, bot: false };
}

function message(one, together = false, inThread = false) {
  const { name, bot } = who(one);
  const host = { users: api.state.users, act: (blockId, action, button) => press(one, blockId, action, button) };
  return el("article", { class: `message${together ? " together" : ""}${one.ephemeral ? " ephemeral" : ""}${one.fresh ? " fresh" : ""}`, "data-testid": "message", "data-ts": one.ts },
    together ? el("span", { class: "gap" }, el("time", {}, clock(one.ts))) : avatar(name, bot),
    el("div", { class: "content" },
      one.ephemeral ? el("p", { class: "only" }, "👁 Only visible to you ", el("button", { class: "plain", type: "button", onclick: () => dismiss(one) }, "Dismiss")) : null,
      together ? null : el("p", { class: "by" }, el("b", {}, name), bot ? el("span", { class: "app" }, "APP") : null, el("time", { title: moment(one.ts).toLocaleString() }, clock(one.ts)), one.edited ? el("small", {}, " (edited)") : null),
      one.blocks ? renderBlocks(one.blocks, host) : el("div", { class: "text" }, mrkdwn(one.text ?? "")),
      (one.attachments ?? []).map((part) => el("div", { class: "attachment", style: `border-color:${/^#?[0-9a-f]{3,8}$/i.test(part.color ?? "") ? part.color : "#999"}` }, part.blocks ? renderBlocks(part.blocks, host) : mrkdwn(part.text ?? ""))),
      (one.files ?? []).map(file),
      one.reactions ? el("p", { class: "reactions" }, one.reactions.map((part) => el("span", {}, mrkdwn(`:${part.name}:`), ` ${part.count}`))) : null,
      !inThread && one.reply_count ? el("button", { class: "plain replies", type: "button", "data-testid": "open-thread", onclick: () => openThread(one.ts) },
        `💬 ${one.reply_count} ${one.reply_count === 1 ? "reply" : "replies"} · last ${ago(one.latest_reply)}`) : null,
      !inThread && !one.reply_count && !one.ephemeral ? el("button", { class: "plain replies quiet", type: "button", onclick: () => openThread(one.ts) }, "Reply in thread") : null));
}

function file(one) {
  if (/\.png$/i.test(one.name ?? "")) {
    return el("figure", { class: "file" }, el("figcaption", {}, `🖼 ${one.title ?? one.name}`), el("a", { href: one.url, download: one.name }, el("img", { src: one.url, alt: one.alt_txt ?? one.title ?? one.name, loading: "lazy" })));
  }
  const preview = el("pre", { class: "folded" });
  return el("details", { class: "file", ontoggle: async () => { if (!preview.textContent) preview.textContent = await (await fetch(one.url)).text(); } },
    el("summary", {}, `📄 ${one.title ?? one.name} `, el("small", {}, `${Math.ceil(one.size / 1024)} KB`)), preview, el("a", { href: one.url, download: one.name }, "Download"));
}

async function press(one, blockId, action, button) {
  button?.classList.add("busy");
  try {
    await api.post("action", { channel: api.place, message_ts: one.ts, block_id: blockId, action });
  } finally {
    button?.classList.remove("busy");
  }
}

async function dismiss(one) {
  await api.post("dismiss", { ts: one.ts });
  messages = messages.filter((known) => known.ts !== one.ts);
  replies = replies.filter((known) => known.ts !== one.ts);
  draw();
  drawThread();
}

async function openThread(ts) {
  api.thread = ts;
  replies = (await api.get("replies", { channel: api.place, ts })).messages;
  $("thread").hidden = false;
  document.body.classList.add("threaded");
  drawThread();
  $("replies").scrollTop = $("replies").scrollHeight;
}

function closeThread() {
  api.thread = null;
  $("thread").hidden = true;
  document.body.classList.remove("threaded");
}

function drawThread() {
  if (!api.thread) return;
  const box = $("replies"), low = box.scrollHeight - box.scrollTop - box.clientHeight < 120;
  only(box, replies.map((one) => message(one, false, true)));
  if (low) box.scrollTop = box.scrollHeight;
}

function put(list, one) {
  const at = list.findIndex((known) => known.ts === one.ts);
  if (at >= 0) list[at] = { ...one, fresh: true };
  else { list.push(one); list.sort((a, b) => Number(a.ts) - Number(b.ts)); }
}

function changed(change) {
  const one = change.message, here = change.channel === api.place;
  const top = !one.thread_ts || one.thread_ts === one.ts;
  if (change.type === "message_deleted") messages = messages.filter((known) => known.ts !== one.ts);
  else if (here && top) put(messages, one);
  if (here && api.thread && (one.thread_ts === api.thread || one.ts === api.thread)) {
    put(replies, one);
    drawThread();
  } else if (here && !top && change.type === "ephemeral") {
    put(messages, one);
  }
  if (here) draw();
  else if (change.type === "message") {
    const channel = api.state.channels.find((known) => known.id === change.channel);
    if (channel) channel.unread += 1;
    drawRail();
  }
}

function connect() {
  stream?.close();
  const socket = (stream = new WebSocket(`${location.origin.replace("http", "ws")}/_sandbox/stream?as=${api.me}`));
  socket.onopen = () => { document.body.dataset.ready = "1"; };
  socket.onmessage = ({ data }) => {
    const change = JSON.parse(data);
    if (change.message) changed(change);
    else if (change.type === "view") modals.show(change.view);
    else if (change.type === "home") {
      api.state.home = change.view;
      if (api.place === "home") drawHome();
    }
    else if (change.type === "view_closed") modals.close(change.view_id);
    else if (change.type === "toast") toast(change.text);
    else if (change.type === "mail" && api.place === "mail") drawWorld();
    else if (change.type === "phone" && api.place === "phones") drawWorld();
    else if (change.type === "machine" && api.place === "machines") drawWorld();
  };
  socket.onclose = () => {
    if (socket !== stream) return;
    delete document.body.dataset.ready;
    setTimeout(() => socket === stream && look(api.me).catch(() => connect()), 1500);
  };
}

async function send(sender, preset, button) {
  button.disabled = true;
  const answer = await api.post("alert", { company: sender.company, preset: preset.id });
  button.disabled = false;
  const ids = (answer.answer?.results ?? []).map((one) => one.incident_id ?? "no incident").join(", ");
  toast(`${preset.title}: ${answer.status === 202 ? `taken, ${ids}` : `answered ${answer.status}`}`);
}

function toast(text) {
  const node = el("div", { class: "toast" }, text);
  $("toasts").append(node);
  setTimeout(() => node.remove(), 6000);
}

function suggest() {
  const line = $("line").value, found = line.startsWith("/") ? WORDS.map((word) => `/aw ${word}`).filter((word) => word.startsWith(line) && word !== line) : [];
  const list = $("suggestions");
  list.hidden = !found.length;
  only(list, found.map((word) => el("li", {}, el("button", { type: "button", class: "plain", role: "option", onclick: () => { $("line").value = word; list.hidden = true; $("line").focus(); } }, word))));
}

$("line").addEventListener("input", suggest);
$("composer").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = $("line").value.trim();
  if (!text) return;
  $("line").value = "";
  suggest();
  $("messages").scrollTop = $("messages").scrollHeight;
  await api.post(text.startsWith("/") ? "command" : "post", { channel: api.place, text });
});
$("reply").addEventListener("submit", async (event) => {
  event.preventDefault();
  const input = event.target.querySelector("input"), text = input.value.trim();
  if (!text) return;
  input.value = "";
  await api.post("post", { channel: api.place, thread_ts: api.thread, text });
});
$("close-thread").addEventListener("click", closeThread);
$("menu").addEventListener("click", () => { const open = document.body.classList.toggle("rail"); $("menu").setAttribute("aria-expanded", String(open)); });
document.addEventListener("click", () => document.querySelectorAll(".menu").forEach((menu) => { menu.hidden = true; }));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  document.querySelectorAll(".menu").forEach((menu) => { menu.hidden = true; });
  if (!modals.closeTop() && api.thread) closeThread();
});
setInterval(() => { if (api.place && !["home", "mail", "machines", "phones"].includes(api.place)) draw(); }, 30000);
keepTime($("clock")).then(() => look(localStorage.getItem("person") ?? ""));
