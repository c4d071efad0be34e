// When our certificates expire: months with their days marked, and a list.
import { el, visible, long, date, clock } from './dom.js';

const fewest = 3, most = 12; // months
const days = ['Mo', 'Tu', 'We', 'Th', 'Fr', 'Sa', 'Su'];

let shown = '', shownAt = '';

export function showCertificates(box, status, now) {
  const certs = (status.certificates ?? []).map((c) => ({ ...c, at: new Date(c.not_after) }));
  const text = JSON.stringify(status.certificates ?? []), minute = date(now) + clock(now, false);
  // Who is on one of the days with a keyboard stays there.
  if (text === shown && (minute === shownAt || box.contains(document.activeElement))) return;
  [shown, shownAt] = [text, minute];
  if (certs.length === 0) {
    box.replaceChildren(el('p', { class: 'empty' }, status.all_users ? 'The policy has no certificates.' : 'Certificates are told to the administrator alone.'));
    return;
  }
  const { rows, table } = list(certs, now);
  box.replaceChildren(calendar(certs, now, rows), table);
}

function kind(c, now) {
  return c.at <= now ? 'over' : c.soon ? 'soon' : 'later';
}

function calendar(certs, now, rows) {
  const end = certs.reduce((a, c) => c.at > a ? c.at : a, now);
  const span = (end.getFullYear() - now.getFullYear()) * 12 + end.getMonth() - now.getMonth() + 1;
  const byDay = new Map();
  for (const c of certs) byDay.set(date(c.at), [...(byDay.get(date(c.at)) ?? []), c]);
  const months = el('div', { class: 'months' });
  for (let i = 0; i < Math.min(most, Math.max(fewest, span)); i++) {
    months.append(month(new Date(now.getFullYear(), now.getMonth() + i, 1), now, byDay, rows));
  }
  return months;
}

function month(first, now, byDay, rows) {
  const caption = new Intl.DateTimeFormat('en', { month: 'long', year: 'numeric' }).format(first);
  const body = el('tbody');
  const cells = Array.from({ length: (first.getDay() + 6) % 7 }, () => el('td'));
  for (let t = first; t.getMonth() === first.getMonth(); t = new Date(t.getFullYear(), t.getMonth(), t.getDate() + 1)) cells.push(day(t, now, byDay, rows));
  while (cells.length % 7) cells.push(el('td'));
  for (let i = 0; i < cells.length; i += 7) body.append(el('tr', {}, cells.slice(i, i + 7)));
  return el('div', { class: 'month' }, el('table', {}, el('caption', {}, caption), el('thead', {}, el('tr', {}, days.map((d) => el('th', { scope: 'col' }, d)))), body));
}

function day(t, now, byDay, rows) {
  const today = date(now), name = date(t), certs = byDay.get(name);
  const cell = el('td', { class: name === today ? 'today' : name < today ? 'past' : null });
  if (!certs) {
    cell.append(String(t.getDate()));
    return cell;
  }
  const worst = ['over', 'soon', 'later'].find((k) => certs.some((c) => kind(c, now) === k));
  const sentence = `${name}: ${certs.map((c) => visible(c.identity)).join(', ')} ${worst === 'over' ? 'expired' : certs.length > 1 ? 'expire' : 'expires'}`;
  const button = el('button', { type: 'button', class: worst, title: sentence, 'aria-label': sentence }, t.getDate());
  button.addEventListener('click', () => {
    const row = rows.get(certs[0]);
    row.scrollIntoView({ block: 'nearest' });
    row.focus();
  });
  cell.append(button);
  return cell;
}

function list(certs, now) {
  const names = ['Expires', 'In', 'Identity', 'Names', 'Issuer', 'Profiles'];
  const classes = ['short', 'short', null, 'wide', 'wide', null];
  const rows = new Map();
  for (const c of certs) {
    const k = kind(c, now);
    const left = k === 'over' ? el('span', { class: 'pill bad' }, 'expired') : el('span', { class: k === 'soon' ? 'pill warn' : null }, long((c.at - now) / 1000));
    const cells = [`${date(c.at)} ${clock(c.at, false)}`, left, visible(c.identity), (c.names ?? []).map(visible).join(', '), visible(c.issuer), (c.profiles ?? []).map(visible).join(', ')];
    rows.set(c, el('tr', { tabindex: '-1' }, cells.map((cell, i) => el('td', { class: classes[i], 'data-label': names[i] }, cell))));
  }
  return { rows, table: el('table', { class: 'list', 'aria-label': 'Certificates' }, el('thead', {}, el('tr', {}, names.map((n) => el('th', { scope: 'col' }, n)))), el('tbody', {}, [...rows.values()])) };
}
