// The Markdown that Adaptive Cards know, and their {{DATE()}} and {{TIME()}}. Text becomes text nodes: no markup gets in.

import { el } from "./dom.js";

const MOMENT = /\{\{(DATE|TIME)\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)?)(?:,\s*(COMPACT|SHORT|LONG))?\)\}\}/g;
const DATES = { COMPACT: { dateStyle: "short" }, SHORT: { weekday: "short", month: "short", day: "numeric", year: "numeric" }, LONG: { weekday: "long", month: "long", day: "numeric", year: "numeric" } };
const PUNCTUATION = /[!-/:-@[-`{-~]/;

// The functions, on the reader's own clock; what is no date stays as it is written.
export function functions(text) {
  return String(text ?? "").replace(MOMENT, (whole, kind, at, style) => {
    const date = new Date(at);
    if (Number.isNaN(date.getTime())) return whole;
    return kind === "TIME" ? date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }) : date.toLocaleDateString([], DATES[style ?? "COMPACT"]);
  });
}

export function markdown(text, mentions = []) {
  const nodes = [];
  for (const block of functions(text).split(/\n{2,}/)) {
    let list = null;
    const lines = [];
    for (const line of block.split("\n")) {
      const item = /^\s*(?:([-*+])|(\d+)[.)])\s+(.*)$/.exec(line);
      if (!item) { lines.push(inline(line, mentions)); list = null; continue; }
      const tag = item[1] ? "ul" : "ol";
      if (list?.tagName.toLowerCase() !== tag) lines.push(list = el(tag, item[2] ? { start: item[2] } : {}));
      list.append(el("li", {}, inline(item[3], mentions)));
    }
    nodes.push(el("p", {}, lines.flatMap((line, place) => (place && Array.isArray(line) ? [el("br"), line] : [line]))));
  }
  return nodes;
}

function inline(text, mentions) {
  const nodes = [];
  let plain = "", at = 0;
  const put = (node) => { if (plain) nodes.push(plain); plain = ""; nodes.push(node); };
  while (at < text.length) {
    const rest = text.slice(at), sign = text[at];
    if (sign === "\\" && PUNCTUATION.test(text[at + 1] ?? "")) { plain += text[at + 1]; at += 2; continue; }
    const mention = /^<at>(.*?)<\/at>/.exec(rest);
    if (mention && mentions.includes(mention[0])) { put(el("span", { class: "mention" }, mention[1])); at += mention[0].length; continue; }
    const link = sign === "[" ? /^\[((?:\\.|[^\]\\])*)\]\(([^)\s]+)\)/.exec(rest) : null;
    if (link && /^(https?:|mailto:)/i.test(link[2])) {
      put(el("a", { href: link[2], target: "_blank", rel: "noopener noreferrer" }, inline(link[1], mentions)));
      at += link[0].length;
      continue;
    }
    const mark = /^(\*\*|__|\*|_)(?=\S)/.exec(rest)?.[1];
    const end = mark ? closing(text, at + mark.length, mark) : -1;
    if (end > 0) {
      put(el(mark.length === 2 ? "strong" : "em", {}, inline(text.slice(at + mark.length, end), mentions)));
      at = end + mark.length;
      continue;
    }
    plain += sign;
    at += 1;
  }
  if (plain) nodes.push(plain);
  return nodes;
}

// Where this mark ends again: not behind a backslash, not after a space, not inside of a longer one.
function closing(text, from, mark) {
  for (let at = from; at <= text.length - mark.length; at += 1) {
    if (text[at] === "\\") { at += 1; continue; }
    if (!text.startsWith(mark, at) || at === from || /\s/.test(text[at - 1])) continue;
    if (mark.length === 1 && (text[at + 1] === mark || text[at - 1] === mark)) continue;
    return at;
  }
  return -1;
}

// What a bot writes as HTML: a handful of tags, and everything else as the text that it is.
const TAGS = { b: "strong", strong: "strong", i: "em", em: "em", pre: "pre", code: "code", p: "p", div: "div", br: "br", at: "span", ul: "ul", ol: "ol", li: "li" };
export function html(text) {
  const copied = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.textContent;
    const tag = TAGS[node.nodeName.toLowerCase()];
    const inner = [...node.childNodes].map(copied);
    return tag ? el(tag, node.nodeName === "AT" ? { class: "mention" } : {}, inner) : inner;
  };
  return [...new DOMParser().parseFromString(text, "text/html").body.childNodes].map(copied);
}
