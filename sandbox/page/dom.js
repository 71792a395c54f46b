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

export const clock = (ts) => new Date(Number(ts) * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

export function day(ts) {
  const date = new Date(Number(ts) * 1000), today = new Date();
  if (date.toDateString() === today.toDateString()) return "Today";
  return date.toLocaleDateString([], { weekday: "long", month: "long", day: "numeric" });
}

export function ago(ts) {
  const seconds = Math.max(0, Date.now() / 1000 - Number(ts));
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return seconds < 86400 ? `${Math.floor(seconds / 3600)} h ago` : day(ts);
}
