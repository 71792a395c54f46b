// The rest of the world: machines, the mail inbox, the panel of a monitoring tool.

import { ago, el } from "./dom.js";

export function machines(list) {
  if (!list.length) return [el("p", { class: "empty" }, "No machines here.")];
  return [el("div", { class: "grid" }, list.map((one) =>
    el("article", { class: "machine", "data-testid": `machine-${one.name}` },
      el("h3", {}, el("span", { class: `dot ${one.ping === "Online" ? "good" : "bad"}` }), one.name, el("small", { title: one.id }, ` ${one.platform}`)),
      gauge("Disk", one.disk_used_percent), gauge("Memory", one.memory_used_percent),
      el("ul", { class: "units" }, one.units.map((unit) => el("li", {}, el("span", { class: `dot ${unit.state === "active" ? "good" : unit.state === "inactive" ? "warn" : "bad"}` }), `${unit.name.replace(/\.service$/, "")} ${unit.state}`))),
      one.last_command ? el("p", { class: "small" }, `Last command: ${one.last_command.status ?? ""} · ${(one.last_command.comment ?? "").split(" ").pop()}`) : null)))];
}

function gauge(label, percent) {
  if (percent === null || percent === undefined) return null;
  const value = Math.round(percent);
  return el("div", { class: "gauge" }, el("span", {}, label), el("div", { class: "bar", role: "meter", "aria-label": label, "aria-valuenow": value },
    el("div", { class: value > 85 ? "bad" : value > 70 ? "warn" : "good", style: `width:${Math.min(100, value)}%` })), el("span", {}, `${value}%`));
}

export function mails(list) {
  if (!list.length) return [el("p", { class: "empty" }, "No mail yet.")];
  return [...list].reverse().map((mail) => el("details", { class: "mail" },
    el("summary", {}, el("strong", {}, mail.subject), el("small", {}, ` to ${mail.to.join(", ")} · ${ago(Date.parse(mail.at) / 1000)}`)),
    mail.html ? el("iframe", { sandbox: "", srcdoc: mail.html, title: mail.subject }) : null, el("pre", {}, mail.text ?? "")));
}

export function phones(list, answer) {
  if (!list.length) return [el("p", { class: "empty" }, "No text and no call yet.")];
  return [...list].reverse().map((one) => el("article", { class: "machine", "data-testid": `phone-${one.kind}` },
    el("h3", {}, `${one.kind === "call" ? "☎ Call" : "💬 Text"} to ${one.to}`, el("small", {}, ` from ${one.from} · ${ago(Date.parse(one.at) / 1000)}`)),
    el("p", {}, one.body),
    one.mine ? null : el("button", { type: "button", class: "preset", onclick: (event) => { event.currentTarget.disabled = true; answer(one); } },
      one.kind === "call" ? "Pick up and press 1" : "Answer 1")));
}

// The switch of the pretend model, where the world has one: what its words look like, and a card without them.
export async function modelSwitch(host) {
  const draw = ({ models }) => {
    host.querySelector("[data-testid=model]")?.remove();
    for (const one of models) host.append(el("button", { type: "button", class: "preset", "data-testid": "model", "aria-pressed": String(one.up),
      title: "A pretend model of this sandbox: it only sorts and quotes what it is shown. Nothing leaves this machine.", onclick: () => set(!one.up) },
    one.up ? "🤖 The pretend model answers: take it away" : "🤖 The pretend model is down: bring it back"));
  };
  const set = async (up) => draw(await (await fetch("/_sandbox/model", { method: "POST", body: JSON.stringify({ up }) })).json());
  draw(await (await fetch("/_sandbox/model")).json());
}

export function presets(senders, send) {
  return senders.map((sender) => el("details", { open: senders.length === 1 || sender === senders[0] }, el("summary", {}, sender.name),
    sender.presets.map((preset) => el("button", { type: "button", class: "preset", "data-testid": `preset-${sender.company}-${preset.id}`,
      onclick: (event) => send(sender, preset, event.currentTarget) }, preset.title))));
}
