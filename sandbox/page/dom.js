// Small tools for building nodes. Text is always set as text, so that nothing a tool wrote can become markup.

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "dataset") Object.assign(node.dataset, value);
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && typeof value !== "string") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

export function only(parent, ...children) {
  parent.replaceChildren(...children.flat(Infinity).filter(Boolean));
}

const HUES = [200, 145, 265, 20, 330, 95, 230, 0];

export function avatar(name, isBot, small = false) {
  const initials = name.split(/\s+/).map((word) => word[0]).join("").slice(0, 2).toUpperCase();
  let sum = 0;
  for (const letter of name) sum += letter.codePointAt(0);
  const colour = isBot ? "var(--bot)" : `hsl(${HUES[sum % HUES.length]} 45% 42%)`;
  return el("span", { class: small ? "avatar tiny" : "avatar", style: `background:${colour}`, "aria-hidden": "true" },
    isBot ? "◉" : initials);
}

// What the bot's clock shows: in a fast demo it runs ahead of this machine's. Times of messages and mails are the
// machine's and are turned; times that the bot wrote are its own already.
const pace = { speed: 1, since: 0 };
const turned = (seconds) => (pace.speed === 1 ? Number(seconds) : pace.since + (Number(seconds) - pace.since) * pace.speed);
export const moment = (ts) => new Date(turned(ts) * 1000);
export const now = () => moment(Date.now() / 1000);

export async function keepTime(place) {
  Object.assign(pace, await (await fetch("/_sandbox/clock")).json());
  if (pace.speed === 1) return;
  const show = () => only(place, el("b", {}, now().toLocaleString([], { weekday: "short", hour: "2-digit", minute: "2-digit" })), el("small", {}, `time × ${pace.speed}`));
  place.hidden = false;
  show();
  setInterval(show, 500);
}

export const clock = (ts) => moment(ts).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

export function day(ts) {
  const date = moment(ts), today = now();
  if (date.toDateString() === today.toDateString()) return "Today";
  return date.toLocaleDateString([], { weekday: "long", month: "long", day: "numeric" });
}

export function ago(ts) {
  const seconds = Math.max(0, (now() - moment(ts)) / 1000);
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return seconds < 86400 ? `${Math.floor(seconds / 3600)} h ago` : day(ts);
}
