// Modals: opened, updated and stacked by the app; sent with their state; faults shown beside the fields.

import { el, only } from "./dom.js";
import { renderBlocks, textOf } from "./blocks.js";

export class Modals {
  constructor(root, api) {
    this.root = root;
    this.api = api;
    this.open = new Map();
  }

  show(view) {
    this.open.get(view.id)?.remove();
    const fields = [];
    const host = { users: this.api.state.users, fields, act: (blockId, action) => this.api.post("action", { view_id: view.id, block_id: blockId, action, state: this.values(fields) }) };
    const submit = view.submit ? el("button", { class: "primary", "data-testid": "modal-submit" }, textOf(view.submit)) : null;
    const form = el("form", { class: "modal", "data-testid": "modal", role: "dialog", "aria-modal": "true", "aria-label": view.title?.text,
      onsubmit: (event) => { event.preventDefault(); this.send(view, fields, form, submit); } },
      el("div", { class: "head" }, el("h2", {}, textOf(view.title)), el("button", { type: "button", class: "plain", "aria-label": "Close", onclick: () => this.close(view.id, true) }, "✕")),
      el("div", { class: "body" }, renderBlocks(view.blocks, host)),
      el("div", { class: "row end" }, el("button", { type: "button", onclick: () => this.close(view.id, true) }, view.close ? textOf(view.close) : "Close"), submit));
    const back = el("div", { class: "backdrop" }, form);
    this.open.set(view.id, back);
    this.root.append(back);
    (form.querySelector("textarea, input, select") ?? form.querySelector("button")).focus();
  }

  values(fields) {
    const values = {};
    for (const { block, state } of fields) values[block.block_id] = { [block.element.action_id]: state() };
    return { values };
  }

  async send(view, fields, form, submit) {
    submit.disabled = true;
    submit.classList.add("busy");
    const needed = fields.filter(({ block, state }) => !block.optional && Object.values({ ...state(), type: null }).every((value) => value === null || (Array.isArray(value) && !value.length)));
    const answer = needed.length ? { errors: Object.fromEntries(needed.map(({ block }) => [block.block_id, "Please fill this in."])) }
      : await this.api.post("view/submit", { view_id: view.id, state: this.values(fields) });
    submit.disabled = false;
    submit.classList.remove("busy");
    form.querySelectorAll(".error").forEach((node) => { node.hidden = true; });
    for (const [block, text] of Object.entries(answer.errors ?? {})) {
      const place = [...form.querySelectorAll(".input")].find((node) => node.dataset.block === block)?.querySelector(".error") ?? form.querySelector(".error");
      if (place) { only(place, document.createTextNode(text)); place.hidden = false; }
    }
  }

  close(id, tell = false) {
    this.open.get(id)?.remove();
    this.open.delete(id);
    if (tell) this.api.post("view/close", { view_id: id });
  }

  closeTop() {
    const last = [...this.open.keys()].pop();
    if (last) this.close(last, true);
    return Boolean(last);
  }

  clear() {
    for (const id of [...this.open.keys()]) this.close(id);
  }
}
