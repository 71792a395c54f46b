// Block Kit as nodes. `host` says who is told of a press: host.act(blockId, action, element, button).

import { el } from "./dom.js";
import { emoji, mrkdwn } from "./mrkdwn.js";

export const textOf = (object) =>
  !object ? [] : object.type === "mrkdwn" ? mrkdwn(object.text, { verbatim: object.verbatim }) : [emoji(object.text)];

export function renderBlocks(blocks, host) {
  return blocks.map((block) => render(block, host));
}

function render(block, host) {
  const make = KINDS[block.type];
  return make ? make(block, host) : el("div", { class: "block unknown" }, `This page does not know “${block.type}” blocks.`);
}

const KINDS = {
  section: (block, host) =>
    el("div", { class: "block section" },
      el("div", { class: "grow" }, block.text ? el("div", {}, textOf(block.text)) : null,
        block.fields ? el("div", { class: "fields" }, block.fields.map((field) => el("div", {}, textOf(field)))) : null),
      block.accessory ? element(block.accessory, block, host) : null),
  header: (block) => el("h3", { class: "block header" }, textOf(block.text)),
  context: (block) =>
    el("div", { class: "block context" }, block.elements.map((part) =>
      part.type === "image" ? el("img", { src: part.image_url, alt: part.alt_text }) : el("span", {}, textOf(part)))),
  divider: () => el("hr", { class: "block" }),
  actions: (block, host) => el("div", { class: "block actions" }, block.elements.map((part) => element(part, block, host))),
  context_actions: (block, host) => el("div", { class: "block actions" }, block.elements.map((part) => element(part, block, host))),
  image: (block) =>
    el("figure", { class: "block" }, block.title ? el("figcaption", {}, textOf(block.title)) : null,
      el("img", { src: block.image_url, alt: block.alt_text, loading: "lazy" })),
  rich_text: (block) => el("div", { class: "block rich" }, block.elements.map(rich)),
  markdown: (block) => el("div", { class: "block" }, mrkdwn(block.text.replace(/\*\*/g, "*"))),
  table: (block) =>
    el("table", { class: "block" }, block.rows.map((row, place) =>
      el("tr", {}, row.map((cell) => el(place ? "td" : "th", {}, cell.text ?? (cell.elements ? cell.elements.map(rich) : "")))))),
  alert: (block) => el("div", { class: `block alert ${block.level ?? "default"}` }, textOf(block.text)),
  input: (block, host) => input(block, host),
  file: () => null,
  video: (block) => el("div", { class: "block" }, el("a", { href: block.title_url ?? block.video_url }, textOf(block.title))),
};

function rich(part) {
  const inner = (part.elements ?? []).map(richInline);
  if (part.type === "rich_text_preformatted") return pre(part.elements.map((one) => one.text ?? one.url ?? "").join(""));
  if (part.type === "rich_text_quote") return el("blockquote", {}, inner);
  if (part.type === "rich_text_list") return el(part.style === "ordered" ? "ol" : "ul", {}, part.elements.map((one) => el("li", {}, rich(one))));
  return el("div", {}, inner);
}

function richInline(part) {
  if (part.type === "link") return el("a", { href: part.url, target: "_blank", rel: "noopener noreferrer" }, part.text ?? part.url);
  if (part.type === "emoji") return emoji(`:${part.name}:`);
  if (part.type === "user") return mrkdwn(`<@${part.user_id}>`);
  if (part.type === "date") return mrkdwn(`<!date^${part.timestamp}^${part.format}|${part.fallback ?? ""}>`);
  let node = part.text ?? "";
  const style = part.style ?? {};
  if (style.code) node = el("code", {}, node);
  if (style.bold) node = el("strong", {}, node);
  if (style.italic) node = el("em", {}, node);
  if (style.strike) node = el("s", {}, node);
  return node;
}

function pre(text) {
  const body = el("pre", {}, text);
  if (text.split("\n").length <= 14 && text.length < 1200) return body;
  const more = el("button", { class: "plain more", type: "button", onclick: () => {
    const folded = body.classList.toggle("folded");
    more.textContent = folded ? "Show all" : "Show less";
  } }, "Show all");
  body.classList.add("folded");
  return el("div", {}, body, more);
}

function confirmed(element, act) {
  const words = element.confirm;
  if (!words) return act();
  const dialog = el("dialog", { class: "confirm", "data-testid": "confirm" },
    el("h3", {}, textOf(words.title)), el("p", {}, textOf(words.text)),
    el("div", { class: "row end" },
      el("button", { type: "button", onclick: () => dialog.close() }, textOf(words.deny)),
      el("button", { class: words.style === "danger" || element.style === "danger" ? "danger" : "primary", type: "button", "data-testid": "confirm-yes",
        onclick: () => { dialog.close(); act(); } }, textOf(words.confirm))));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function element(part, block, host) {
  const base = { type: part.type, action_id: part.action_id, block_id: block.block_id };
  if (part.type === "image") return el("img", { class: "accessory", src: part.image_url, alt: part.alt_text });
  if (part.type === "button" || part.type === "workflow_button") {
    const button = el("button", { class: part.style ?? "", type: "button", dataset: { actionId: part.action_id }, "aria-label": part.accessibility_label,
      onclick: () => {
        if (part.url) window.open(part.url, "_blank", "noopener");
        confirmed(part, () => host.act(block.block_id, { ...base, value: part.value ?? "", text: part.text }, button));
      } }, textOf(part.text));
    return button;
  }
  if (part.type === "overflow" || (part.type === "static_select" && !part.option_groups)) return overflow(part, block, host, base);
  const control = field(part, host);
  control.node.dataset.actionId = part.action_id;
  control.node.addEventListener("change", () => host.act(block.block_id, { ...base, ...control.state() }, control.node));
  return control.node;
}

function overflow(part, block, host, base) {
  const menu = el("ul", { class: "menu", role: "menu", hidden: true }, part.options.map((option) =>
    el("li", {}, el("button", { type: "button", role: "menuitem", class: "plain", dataset: { value: option.value },
      onclick: () => { menu.hidden = true; confirmed(part, () => host.act(block.block_id, { ...base, selected_option: option }, button)); } },
    textOf(option.text)))));
  const button = el("button", { type: "button", class: "dots", "aria-haspopup": "menu", "aria-label": "More", dataset: { actionId: part.action_id },
    onclick: (event) => { event.stopPropagation(); document.querySelectorAll(".menu").forEach((one) => { if (one !== menu) one.hidden = true; }); menu.hidden = !menu.hidden; if (!menu.hidden) menu.querySelector("button").focus(); } }, part.placeholder ? textOf(part.placeholder) : "⋯");
  return el("span", { class: "overflow" }, button, menu);
}

// One form control and how to read it as Slack's state.
export function field(part, host) {
  const place = part.placeholder?.text;
  if (part.type === "plain_text_input" || part.type === "email_text_input" || part.type === "url_text_input" || part.type === "number_input") {
    const node = part.multiline ? el("textarea", { rows: 4, maxLength: part.max_length ?? 3000, placeholder: place })
      : el("input", { type: part.type === "number_input" ? "number" : "text", maxLength: part.max_length ?? 3000, placeholder: place });
    node.value = part.initial_value ?? "";
    return { node, state: () => ({ type: part.type, value: node.value || null }) };
  }
  if (part.type === "static_select" || part.type === "external_select") {
    const options = part.options ?? (part.option_groups ?? []).flatMap((group) => group.options);
    const node = el("select", {}, el("option", { value: "" }, place ?? "Choose…"),
      options.map((option, number) => el("option", { value: String(number) }, option.text.text)));
    const first = options.findIndex((option) => option.value === part.initial_option?.value);
    if (first >= 0) node.value = String(first);
    return { node, state: () => ({ type: part.type, selected_option: node.value === "" ? null : options[Number(node.value)] }) };
  }
  if (part.type === "users_select") {
    const node = el("select", {}, el("option", { value: "" }, place ?? "Choose somebody…"), host.users.map((user) => el("option", { value: user.id }, user.real_name)));
    node.value = part.initial_user ?? "";
    return { node, state: () => ({ type: part.type, selected_user: node.value || null }) };
  }
  if (part.type === "checkboxes" || part.type === "radio_buttons") {
    const kind = part.type === "checkboxes" ? "checkbox" : "radio", group = Math.random().toString(36);
    const boxes = part.options.map((option) => el("input", { type: kind, name: group }));
    const node = el("div", { class: "choices" }, part.options.map((option, number) => el("label", {}, boxes[number], " ", textOf(option.text))));
    const chosen = () => part.options.filter((_, number) => boxes[number].checked);
    return { node, state: () => (kind === "checkbox" ? { type: part.type, selected_options: chosen() } : { type: part.type, selected_option: chosen()[0] ?? null }) };
  }
  if (part.type === "datepicker" || part.type === "timepicker") {
    const kind = part.type === "datepicker" ? "date" : "time";
    const node = el("input", { type: kind });
    node.value = part[`initial_${kind}`] ?? "";
    return { node, state: () => ({ type: part.type, [`selected_${kind}`]: node.value || null }) };
  }
  return { node: el("span", { class: "unknown" }, `This page does not know “${part.type}”.`), state: () => ({ type: part.type, value: null }) };
}

function input(block, host) {
  const control = field(block.element, host);
  const id = `f-${Math.random().toString(36).slice(2)}`;
  control.node.id = id;
  control.node.dataset.blockId = block.block_id;
  host.fields?.push({ block, state: control.state, node: control.node });
  return el("div", { class: "block input", dataset: { block: block.block_id } },
    el("label", { for: id }, textOf(block.label), block.optional ? el("small", {}, " (optional)") : null),
    control.node, block.hint ? el("small", { class: "hint" }, textOf(block.hint)) : null, el("p", { class: "error", role: "alert", hidden: true }));
}
