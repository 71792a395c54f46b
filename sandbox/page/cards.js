// Adaptive Cards 1.5 as nodes. `host.act(action, values, button)` is told of a press; values are what was typed.

import { el, only } from "./dom.js";
import { functions, markdown } from "./markdown.js";

const SHOWN = 6;
const COLOURS = ["accent", "good", "warning", "attention", "dark", "light"];
const low = (value, fallback = "") => String(value ?? fallback).toLowerCase();

export function renderCard(card, host) {
  const root = el("div", { class: "adaptive", "data-testid": "card" });
  const scope = { host, root, fields: host.fields ?? [], mentions: (card.msteams?.entities ?? []).map((one) => one.text) };
  root.append(...inside(card, scope));
  return root;
}

function inside(card, scope) {
  const body = (card.body ?? []).map((part) => element(part, scope)).filter(Boolean);
  return [...body, ...(card.actions?.length ? actions(card.actions, scope) : [])];
}

function element(part, scope) {
  const make = KINDS[part.type];
  if (!make) {
    if (part.fallback && part.fallback !== "drop") return element(part.fallback, scope);
    return part.fallback === "drop" ? null : el("div", { class: "unknown" }, `This page does not know “${part.type}”.`);
  }
  const node = make(part, scope);
  node.classList.add("ac", `space-${low(part.spacing, "default")}`);
  if (part.separator) node.classList.add("ruled");
  if (part.id) node.dataset.id = part.id;
  if (part.horizontalAlignment) node.style.textAlign = low(part.horizontalAlignment);
  if (part.height === "stretch") node.style.flex = "1";
  node.hidden = part.isVisible === false;
  return part.selectAction ? pressable(node, part.selectAction, scope) : node;
}

const KINDS = {
  TextBlock: (part, scope) => {
    const node = el(low(part.style) === "heading" ? "h4" : "div", { class: look(part, "text") }, markdown(part.text, scope.mentions));
    if (!part.wrap) node.classList.add("one-line");
    if (part.maxLines) Object.assign(node.style, { display: "-webkit-box", webkitBoxOrient: "vertical", webkitLineClamp: part.maxLines, overflow: "hidden" });
    return node;
  },
  RichTextBlock: (part, scope) => el("div", { class: "rich-text" }, (part.inlines ?? []).map((run) => textRun(run, scope))),
  Container: (part, scope) => box(part, scope, part.items),
  ColumnSet: (part, scope) => el("div", { class: `columns ${low(part.style)}` }, (part.columns ?? []).map((column) => {
    const node = element({ ...column, type: "Column" }, scope), width = column.width ?? "stretch";
    const fixed = /^\d+px$/.test(width), share = Number(width);
    node.style.flex = width === "auto" ? "0 1 auto" : fixed ? `0 0 ${width}` : `${share || 1} 1 0`;
    return node;
  })),
  Column: (part, scope) => box(part, scope, part.items),
  FactSet: (part, scope) => el("dl", { class: "facts" }, (part.facts ?? []).flatMap((fact) => [el("dt", {}, markdown(fact.title, scope.mentions)), el("dd", {}, markdown(fact.value, scope.mentions))])),
  Table: (part, scope) => table(part, scope),
  Image: (part) => image(part),
  ImageSet: (part) => el("div", { class: "images" }, (part.images ?? []).map((one) => image({ size: part.imageSize, ...one }))),
  ActionSet: (part, scope) => el("div", {}, actions(part.actions ?? [], scope)),
  "Input.Text": (part, scope) => input(part, scope, () => {
    const node = part.isMultiline ? el("textarea", { rows: 4 }) : el("input", { type: low(part.style) === "email" ? "email" : "text" });
    Object.assign(node, { value: part.value ?? "", placeholder: part.placeholder ?? "" });
    if (part.maxLength) node.maxLength = part.maxLength;
    return { node, value: () => node.value };
  }),
  "Input.Number": (part, scope) => input(part, scope, () => typed("number", part, { min: part.min, max: part.max })),
  "Input.Date": (part, scope) => input(part, scope, () => typed("date", part, { min: part.min, max: part.max })),
  "Input.Time": (part, scope) => input(part, scope, () => typed("time", part, { min: part.min, max: part.max })),
  "Input.Toggle": (part, scope) => input(part, scope, () => {
    const on = part.valueOn ?? "true", off = part.valueOff ?? "false", tick = el("input", { type: "checkbox" });
    tick.checked = part.value === on;
    return { node: el("label", { class: "tick" }, tick, " ", functions(part.title)), value: () => (tick.checked ? on : off) };
  }),
  "Input.ChoiceSet": (part, scope) => input(part, scope, () => choices(part)),
};

function look(part, name) {
  const colour = COLOURS.includes(low(part.color)) ? `ink-${low(part.color)}` : "";
  return [name, `size-${low(part.size, "default")}`, `weight-${low(part.weight, low(part.style) === "heading" ? "bolder" : "default")}`,
    colour, part.isSubtle ? "subtle" : "", low(part.fontType) === "monospace" ? "mono" : ""].filter(Boolean).join(" ");
}

function textRun(run, scope) {
  if (typeof run === "string") return functions(run);
  const node = el("span", { class: look(run, "run") }, functions(run.text));
  const style = [run.underline ? "underline" : "", run.strikethrough ? "line-through" : ""].join(" ").trim();
  if (style) node.style.textDecoration = style;
  if (run.italic) node.style.fontStyle = "italic";
  if (run.highlight) node.classList.add("highlight");
  return run.selectAction ? pressable(node, run.selectAction, scope) : node;
}

function box(part, scope, items) {
  const node = el("div", { class: `box style-${low(part.style, "default")}` }, (items ?? []).map((one) => element(one, scope)));
  if (/^\d+px$/.test(part.minHeight ?? "")) node.style.minHeight = part.minHeight;
  if (part.verticalContentAlignment) node.style.justifyContent = { center: "center", bottom: "flex-end" }[low(part.verticalContentAlignment)] ?? "";
  return node;
}

function table(part, scope) {
  const head = part.firstRowAsHeader !== false;
  const total = (part.columns ?? []).reduce((sum, column) => sum + (Number(column.width) || 1), 0);
  const widths = (part.columns ?? []).map((column) => el("col", { style: /^\d+px$/.test(column.width) ? `width:${column.width}` : `width:${((Number(column.width) || 1) / total) * 100}%` }));
  const rows = (part.rows ?? []).map((row, place) => el("tr", { class: `style-${low(row.style, "default")}` }, (row.cells ?? []).map((cell) =>
    el(head && place === 0 ? "th" : "td", {}, box(cell, scope, cell.items)))));
  return el("div", { class: "table" }, el("table", { class: part.showGridLines === false ? "" : "grid-lines" }, el("colgroup", {}, widths), el("tbody", {}, rows)));
}

function image(part) {
  const node = el("img", { alt: part.altText ?? "", class: `image size-${low(part.size, "auto")}${low(part.style) === "person" ? " person-image" : ""}` });
  if (/^(https?:|data:image\/(png|jpeg|gif|svg\+xml);)/i.test(part.url ?? "")) node.src = part.url;
  for (const name of ["width", "height"]) if (/^\d+px$/.test(part[name] ?? "")) node.style[name] = part[name];
  return el("div", {}, node);
}

// ── actions ────────────────────────────────────────────────────────────────────────────────────────────────────

function actions(list, scope) {
  const first = list.filter((one) => one.mode !== "secondary").slice(0, SHOWN), rest = list.filter((one) => !first.includes(one));
  const under = el("div", { class: "under" }), opened = { by: null };
  const row = el("div", { class: "actions" }, first.map((one) => actionButton(one, scope, under, opened)));
  if (rest.length) row.append(overflow(rest, scope, under, opened));
  return [row, under];
}

function overflow(rest, scope, under, opened) {
  const menu = el("ul", { class: "menu", role: "menu", hidden: true }, rest.map((one) =>
    el("li", {}, actionButton(one, scope, under, opened, { class: "plain", role: "menuitem" }))));
  const button = el("button", { type: "button", class: "dots", "aria-haspopup": "menu", "aria-label": "More", onclick: (event) => {
    event.stopPropagation();
    document.querySelectorAll(".menu").forEach((one) => { if (one !== menu) one.hidden = true; });
    menu.hidden = !menu.hidden;
    if (!menu.hidden) menu.querySelector("button")?.focus();
  } }, "⋯");
  return el("span", { class: "overflow" }, button, menu);
}

function actionButton(action, scope, under, opened, more = {}) {
  const style = { positive: "primary", destructive: "danger" }[low(action.style)] ?? "";
  const button = el("button", { type: "button", class: style, title: action.tooltip, dataset: { verb: action.verb ?? "" }, ...more,
    onclick: () => { document.querySelectorAll(".menu").forEach((menu) => { menu.hidden = true; }); run(action, scope, button, under, opened); } }, functions(action.title));
  button.disabled = action.isEnabled === false;
  return button;
}

function run(action, scope, button, under, opened) {
  switch (action.type) {
    case "Action.OpenUrl":
      if (/^https?:/i.test(action.url ?? "")) window.open(action.url, "_blank", "noopener");
      return;
    case "Action.ToggleVisibility":
      for (const target of action.targetElements ?? []) {
        const id = target.elementId ?? target;
        scope.root.querySelectorAll(`[data-id="${CSS.escape(id)}"]`).forEach((node) => { node.hidden = target.isVisible === undefined ? !node.hidden : !target.isVisible; });
      }
      return;
    case "Action.ShowCard": {
      const same = opened.by === action;
      opened.by = same ? null : action;
      const inner = { ...scope, fields: [...scope.fields] };
      only(under, same ? [] : el("div", { class: "shown-card" }, inside(action.card ?? {}, inner)));
      return;
    }
    default: {
      const values = collect(scope.fields, action.associatedInputs !== "none");
      if (values) scope.host.act(action, values, button);
    }
  }
}

function pressable(node, action, scope) {
  Object.assign(node, { tabIndex: 0, role: "button", onclick: () => run(action, scope, node, el("div"), {}) });
  node.classList.add("pressable");
  return node;
}

// What was typed; null when something that is needed is missing, which is then said beside it.
function collect(fields, wanted) {
  if (!wanted) return {};
  let missing = null;
  for (const field of fields) {
    const empty = field.part.isRequired && !field.value();
    field.error.hidden = !empty;
    missing ??= empty ? field : null;
  }
  missing?.node.focus();
  return missing ? null : Object.fromEntries(fields.map((field) => [field.part.id, field.value()]));
}

// ── inputs ─────────────────────────────────────────────────────────────────────────────────────────────────────

function input(part, scope, make) {
  const { node, value } = make(), id = `i-${Math.random().toString(36).slice(2)}`;
  node.id = id;
  const error = el("p", { class: "error", role: "alert", hidden: true }, part.errorMessage ?? "Please fill this in.");
  scope.fields.push({ part, node, value, error });
  return el("div", { class: "input" }, part.label ? el("label", { for: id }, functions(part.label), part.isRequired ? el("span", { class: "needed" }, " *") : null) : null, node, error);
}

function typed(type, part, limits) {
  const node = el("input", { type, ...limits, placeholder: part.placeholder });
  node.value = part.value ?? "";
  return { node, value: () => node.value };
}

function choices(part) {
  const chosen = String(part.value ?? "").split(part.isMultiSelect ? "," : "\u0000");
  if (!part.isMultiSelect && low(part.style, "compact") !== "expanded") {
    const node = el("select", {}, el("option", { value: "" }, part.placeholder ?? "Choose…"), (part.choices ?? []).map((one) => el("option", { value: one.value }, functions(one.title))));
    node.value = part.value ?? "";
    return { node, value: () => node.value };
  }
  const name = Math.random().toString(36);
  const boxes = (part.choices ?? []).map((one) => {
    const tick = el("input", { type: part.isMultiSelect ? "checkbox" : "radio", name });
    tick.checked = chosen.includes(one.value);
    return { tick, one };
  });
  const node = el("div", { class: "choices", role: "group" }, boxes.map(({ tick, one }) => el("label", { class: "tick" }, tick, " ", functions(one.title))));
  return { node, value: () => boxes.filter(({ tick }) => tick.checked).map(({ one }) => one.value).join(",") };
}
