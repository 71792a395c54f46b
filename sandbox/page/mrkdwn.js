// Slack's mrkdwn as nodes: *bold* _italic_ ~strike~ `code` ```pre``` > quotes, lists, <@U> <#C> <!here> <url|text>
// and <!date^…>. Built from text nodes only.

import { el, now } from "./dom.js";
import { EMOJI } from "./emoji.js";

const names = { users: new Map(), channels: new Map() };

export function know(users, channels, bot) {
  for (const user of users) names.users.set(user.id, user.name);
  names.users.set(bot.user_id, bot.name);
  for (const channel of channels) names.channels.set(channel.id, channel.name);
}

const plainText = (text) => text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");

export const emoji = (text) => text.replace(/:([a-z0-9_+-]{1,40}):/g, (whole, name) => EMOJI[name] ?? whole);

export function mrkdwn(text, { verbatim = false } = {}) {
  const parts = text.split(/```/);
  return parts.flatMap((part, place) => (place % 2 ? [el("pre", {}, plainText(part.replace(/^\n/, "")))] : lines(part, verbatim)));
}

function lines(text, verbatim) {
  const out = [];
  let quote = null;
  text.split("\n").forEach((line, place, all) => {
    const quoted = /^(?:&gt;|>) ?/.exec(line);
    if (quoted) {
      if (!quote) out.push((quote = el("blockquote")));
      else quote.append(el("br"));
      quote.append(...inline(line.slice(quoted[0].length), verbatim));
      return;
    }
    const after = quote !== null;
    quote = null;
    if (place > 0 && !after) out.push(el("br"));
    if (line === "" && after && place === all.length - 1) return;
    out.push(...inline(line, verbatim));
  });
  return out;
}

const TOKEN = /<([^<>]+)>|`([^`\n]+)`|(?<![\p{L}\p{N}_*])\*(?=\S)([^*\n]*?\S)\*(?![\p{L}\p{N}*])|(?<![\p{L}\p{N}_])_(?=\S)([^_\n]*?\S)_(?![\p{L}\p{N}_])|(?<![\p{L}\p{N}~])~(?=\S)([^~\n]*?\S)~(?![\p{L}\p{N}~])/gu;

function inline(text, verbatim) {
  const out = [];
  let at = 0;
  for (const found of text.matchAll(TOKEN)) {
    if (found.index > at) out.push(emoji(plainText(text.slice(at, found.index))));
    const [whole, token, code, bold, italic, strike] = found;
    if (token !== undefined) out.push(special(token));
    else if (code !== undefined) out.push(el("code", {}, plainText(code)));
    else if (bold !== undefined) out.push(el("strong", {}, inline(bold, verbatim)));
    else if (italic !== undefined) out.push(el("em", {}, inline(italic, verbatim)));
    else out.push(el("s", {}, inline(strike, verbatim)));
    at = found.index + whole.length;
  }
  if (at < text.length) out.push(emoji(plainText(text.slice(at))));
  return out;
}

function special(token) {
  const [body, label] = token.split(/\|(.*)/s);
  if (body.startsWith("@")) return el("span", { class: "mention" }, `@${names.users.get(body.slice(1)) ?? label ?? body.slice(1)}`);
  if (body.startsWith("#")) return el("span", { class: "mention" }, `#${names.channels.get(body.slice(1)) ?? label ?? body.slice(1)}`);
  if (body.startsWith("!date^")) return date(body, label);
  if (body.startsWith("!")) return el("span", { class: "mention live" }, `@${label ?? body.slice(1).split("^")[0]}`);
  if (/^(https?:|mailto:)/.test(body)) {
    return el("a", { href: plainText(body), target: "_blank", rel: "noopener noreferrer" }, plainText(label ?? body));
  }
  return `<${plainText(token)}>`;
}

function date(body, fallback) {
  const [, seconds, format] = body.split("^");
  const at = new Date(Number(seconds) * 1000);
  if (Number.isNaN(at.getTime())) return fallback ?? "";
  const time = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const short = at.toLocaleDateString([], { month: "short", day: "numeric", year: "numeric" });
  const today = now(), yesterday = new Date(+today - 86400000), tomorrow = new Date(+today + 86400000);
  const near = [[today, "today"], [yesterday, "yesterday"], [tomorrow, "tomorrow"]]
    .find(([one]) => one.toDateString() === at.toDateString());
  const shown = (format ?? "{date_short} {time}")
    .replace("{time_secs}", at.toLocaleTimeString()).replace("{time}", time)
    .replace("{date_num}", at.toISOString().slice(0, 10))
    .replace(/\{date(?:_short|_long)?_pretty\}/, near ? near[1] : short)
    .replace(/\{date(?:_short|_long|_slash)?\}/, short);
  return el("time", { datetime: at.toISOString(), title: at.toLocaleString() }, shown);
}
