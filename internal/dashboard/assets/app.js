// Asks for the status again and again, and shows it. Text from programs and
// peers goes into text nodes alone.
"use strict";

const every = 2000;
const byId = id => document.getElementById(id);
let chosen = 0, latest = null;

function amount(n) {
  const units = ["", "k", "M", "G", "T", "P"];
  let i = 0;
  while (n >= 999.5 && i < units.length - 1) { n /= 1000; i++; }
  return (i === 0 ? Math.round(n * 10) / 10 : n.toFixed(n < 10 ? 1 : 0)) + units[i];
}
const bytes = n => amount(n).replace(/([kMGTP]?)$/, " $1B");

function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${s % 60}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h ${Math.floor(s / 60) % 60}m`;
  return `${Math.floor(s / 86400)}d ${Math.floor(s / 3600) % 24}h`;
}

const total = counts => Object.values(counts || {}).reduce((a, b) => a + b, 0);
const program = p => (p.script || p.exe || "(unknown)").replace(/ \(deleted\)$/, "");
const short = p => program(p).split("/").pop();
const user = p => p.user || String(p.uid);

function tiles(s) {
  const t = s.totals;
  const tile = (value, name, className) => element("div", "tile", element("b", className || "", value), element("span", "", name));
  byId("totals").replaceChildren(
    tile(amount(t.open), s.all_users ? "open connections" : "open, of your programs"),
    tile(amount(t.handshakes), "handshakes"),
    tile(t.handshakes ? `${Math.floor(100 * t.resumed / t.handshakes)}%` : "–", "resumed"),
    tile(amount(total(t.failed)), "failed"),
    tile(amount(total(t.refused)), "refused", total(t.refused) ? "warn" : ""),
    tile(bytes(t.sent), "sent"), tile(bytes(t.received), "received"),
    tile(span((Date.parse(s.time) - Date.parse(s.service.started)) / 1000), "up"));
}

function stacked(points, key) {
  const sums = {};
  for (const p of points) for (const [name, n] of Object.entries(p[key] || {})) sums[name] = (sums[name] || 0) + n;
  const names = Object.keys(sums).sort((a, b) => sums[b] - sums[a]);
  const layers = names.slice(0, 5).map(name => ({ name, values: points.map(p => (p[key] || {})[name] || 0) }));
  const rest = names.slice(5);
  if (rest.length) layers.push({ name: "others", values: points.map(p => rest.reduce((sum, name) => sum + ((p[key] || {})[name] || 0), 0)) });
  return layers;
}

function charts(s) {
  byId("no-series").hidden = Boolean(s.series);
  document.querySelector(".charts").hidden = !s.series;
  if (!s.series) return;
  const { step_seconds: step, points } = s.series[chosen];
  const times = points.map(p => Date.parse(p.time)), length = [3600, 86400][chosen] * 1000, now = Date.parse(s.time);
  const draw = (id, layers, format) => drawStack(byId(id), times, layers, format, length, now);
  draw("chart-open", [{ name: "open", values: points.map(p => p.open) }], amount);
  draw("chart-bytes", [{ name: "sent", values: points.map(p => (p.sent || 0) / step) }, { name: "received", values: points.map(p => (p.received || 0) / step) }], bytes);
  draw("chart-versions", stacked(points, "versions"), amount);
  draw("chart-suites", stacked(points, "suites"), amount);
}

function connections(s) {
  const rows = s.connections.slice().reverse();
  byId("connection-count").textContent = s.left_out ? `${rows.length} newest of ${rows.length + s.left_out}` : String(rows.length);
  if (!rows.length) return byId("connections").replaceChildren(element("caption", "note", "There is none now."));
  const head = ["ID", "Program", "User", "Role", "Peer", "Version", "Suite", "Resumed", "Sent", "Received", "Age"];
  const right = new Set([0, 8, 9, 10]);
  const line = (kind, cells) => element("tr", "", ...cells.map((c, i) => element(kind, right.has(i) ? "num" : "", c)));
  const body = rows.map(c => {
    const row = line("td", [String(c.id), `${short(c.program)} [${c.program.pid}]`, user(c.program), c.role, c.role === "client" && c.name || c.peer || "",
      c.version || "connecting", c.suite || "", c.version ? (c.resumed ? "yes" : "no") : "", bytes(c.sent), bytes(c.received),
      span((Date.parse(s.time) - Date.parse(c.began)) / 1000)]);
    row.title = [program(c.program), `profile ${c.program.profile}`, c.peer, c.group, c.alpn, c.peer_identity && `peer is ${c.peer_identity}`].filter(Boolean).join("\n");
    return row;
  });
  byId("connections").replaceChildren(element("thead", "", line("th", head)), element("tbody", "", ...body));
}

function calendar(s) {
  const months = new Map();
  for (const c of s.certificates || []) {
    const name = new Date(c.not_after).toLocaleDateString([], { year: "numeric", month: "short" });
    if (!months.has(name)) months.set(name, []);
    const left = (Date.parse(c.not_after) - Date.parse(s.time)) / 1000;
    const about = left <= 0 ? "has expired" : `in ${span(left)}`;
    months.get(name).push(element("div", "cert", element("strong", left <= 0 ? "bad" : c.soon ? "warn" : "", `${c.identity}: ${about}`),
      element("div", "dim", `${new Date(c.not_after).toLocaleString()}; ${(c.names || []).join(", ") || c.subject}`)));
  }
  byId("calendar").replaceChildren(...(months.size ? [...months].map(([name, list]) => element("div", "month", element("span", "dim", name), element("div", "", ...list)))
    : [element("p", "note", "No server of the policy has one.")]));
}

const kinds = ["policy", "untrusted", "limit", "impersonation", "unidentified", "not-administrator", "bad-message"];

function refusals(s) {
  const by = s.programs.filter(p => total(p.refused)).sort((a, b) => total(b.refused) - total(a.refused)).slice(0, 8);
  const most = Math.max(1, ...by.map(p => total(p.refused)));
  byId("refusal-bars").replaceChildren(...(by.length ? by.map(p => {
    const track = element("div", "track");
    for (const [kind, n] of Object.entries(p.refused)) {
      const part = element("div", `f${Math.min(kinds.indexOf(kind) + 1 || 6, 6) - 1}`);
      part.style.width = `${100 * n / most}%`;
      part.title = `${n} ${kind}`;
      track.append(part);
    }
    const words = Object.entries(p.refused).map(([kind, n]) => `${n} ${kind}`).join(", ");
    return element("div", "bar", element("div", "", element("span", "", `${program(p.program)} (${user(p.program)})`), element("span", "dim", words)), track);
  }) : [element("p", "note", "Nothing was refused.")]));
  byId("refusals").replaceChildren(...s.refusals.slice(-8).reverse().map(f => element("div", "refusal",
    element("span", "dim", `${new Date(f.time).toLocaleTimeString()} ${short(f.program)}${f.id ? ` [${f.id}]` : ""} `), element("strong", "warn", f.what), ` ${f.sentence}`)));
}

function show(s) {
  latest = s;
  byId("build").textContent = s.service.build;
  const notes = [`seen at ${new Date(s.time).toLocaleTimeString()}`];
  for (const k of s.key_logs || []) notes.push(`secrets of profile ${k.profile} are written until ${new Date(k.until).toLocaleTimeString()}`);
  if (s.service.policy_reloads.problem) notes.push(`the last reload of the policy failed: ${s.service.policy_reloads.problem}`);
  byId("state").textContent = notes.join("; ");
  byId("state").className = notes.length > 1 ? "bad" : "";
  tiles(s); charts(s); connections(s); calendar(s); refusals(s);
}

async function look() {
  try {
    const answer = await fetch("status.json", { cache: "no-store" });
    const text = await answer.text();
    if (!answer.ok) throw new Error(text.trim());
    show(JSON.parse(text));
  } catch (e) {
    byId("state").textContent = e.message;
    byId("state").className = "bad";
  }
  setTimeout(look, every);
}

for (const button of document.querySelectorAll("button[data-series]")) {
  button.addEventListener("click", () => {
    chosen = Number(button.dataset.series);
    for (const other of document.querySelectorAll("button[data-series]")) other.setAttribute("aria-pressed", String(other === button));
    if (latest) charts(latest);
  });
}
addEventListener("resize", () => { if (latest) charts(latest); });
look();
