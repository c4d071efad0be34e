// Elements and words. Everything that is shown goes in as text: names come
// from peers and programs, which may be anybody.

// el makes an element. What it holds are nodes, or values shown as text.
export function el(tag, attributes = {}, ...held) {
  return fill(document.createElement(tag), attributes, held);
}

// svg makes an element of a drawing.
export function svg(tag, attributes = {}, ...held) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, held);
}

// attributes are set from names of ours alone; none of them is a handler.
function fill(node, attributes, held) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) node.setAttribute(name, value === true ? '' : String(value));
  }
  for (const h of held.flat()) {
    if (h !== undefined && h !== null) node.append(h instanceof Node ? h : String(h));
  }
  return node;
}

// setText changes a text only when it is another one, so that a selection of
// it stays.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// visible shows characters that are invisible or change the direction of
// writing as a mark.
export function visible(text) {
  return String(text ?? '').replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\u2028\u2029]/gu, '\ufffd');
}

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];

export function bytes(n) {
  let i = 0;
  for (; n >= 999.5 && i < units.length - 1; i++) n /= 1000;
  const digits = i === 0 ? (Number.isInteger(n) ? 0 : 1) : n < 9.995 ? 2 : n < 99.95 ? 1 : 0;
  return n.toFixed(digits) + '\u00a0' + units[i];
}

const plain = new Intl.NumberFormat('en');

export const number = (n) => plain.format(n);

// long tells a time in seconds by its two largest units.
export function long(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return s + 's';
  if (s < 3600) return Math.floor(s / 60) + 'm ' + (s % 60) + 's';
  if (s < 86400) return Math.floor(s / 3600) + 'h ' + Math.floor(s % 3600 / 60) + 'm';
  return Math.floor(s / 86400) + 'd ' + Math.floor(s % 86400 / 3600) + 'h';
}

const two = (n) => String(n).padStart(2, '0');

export const date = (t) => `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}`;

export const clock = (t, seconds = true) => `${two(t.getHours())}:${two(t.getMinutes())}${seconds ? ':' + two(t.getSeconds()) : ''}`;

// moment is the time of day, and the day if that is another one than now's.
export const moment = (t, now) => (date(t) === date(now) ? '' : date(t) + ' ') + clock(t);

export const sum = (counts) => Object.values(counts ?? {}).reduce((a, b) => a + b, 0);

// reasons tells counts as "3 network, 1 protocol".
export const reasons = (counts) => Object.entries(counts ?? {}).sort(([a], [b]) => a < b ? -1 : 1).map(([what, n]) => `${number(n)} ${visible(what)}`).join(', ');

export const programPath = (p) => visible(p.script || p.exe) || '(unknown)';

// programName is the last part of a program's path.
export const programName = (p) => {
  const path = programPath(p).replace(/ \(deleted\)$/, '');
  return path.slice(path.lastIndexOf('/') + 1) || path;
};

export const userName = (p) => visible(p.user) || String(p.uid);
