// What was refused: how often, by program, and the last ones.
import { el, svg, number, sum, reasons, visible, moment, programName, programPath, userName } from './dom.js';

const mostBars = 12, mostRows = 100;
const meanings = {
  policy: 'the policy forbids it', untrusted: 'the peer did not prove who it is', limit: 'there is too much already',
  impersonation: 'somebody spoke for a process that is not his', unidentified: 'nobody knows for which program somebody spoke',
  'not-administrator': 'somebody asked for what is the administrator\u2019s', 'bad-message': 'somebody sent what no program of ours sends',
};
const kinds = Object.keys(meanings);
const colours = { policy: 0, untrusted: 4, limit: 1, impersonation: 3, unidentified: 2, 'not-administrator': 5, 'bad-message': 6 };

let shown = '';

export function showRefusals(box, status) {
  const programs = status.programs.map((p) => ({ p: p.program, counts: p.refused ?? {}, n: sum(p.refused) })).filter((p) => p.n > 0)
    .sort((a, b) => b.n - a.n);
  const last = status.refusals.slice(-mostRows).reverse();
  const text = JSON.stringify([programs, last]);
  if (text === shown) return;
  shown = text;
  if (programs.length === 0 && last.length === 0) {
    box.replaceChildren(el('p', { class: 'empty' }, 'Nothing was refused.'));
    return;
  }
  const place = box.querySelector('.scroll')?.scrollTop ?? 0;
  box.replaceChildren(...bars(programs), el('h3', {}, 'The last ones'),
    el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'The last refusals' }, table(last)));
  box.querySelector('.scroll').scrollTop = place;
}

function bars(programs) {
  if (programs.length === 0) return [];
  const most = programs[0].n, rest = programs.slice(mostBars);
  const used = kinds.filter((what) => programs.some((p) => p.counts[what]));
  const list = el('ul', { class: 'bars' }, programs.slice(0, mostBars).map(({ p, counts, n }) => el('li', {},
    el('span', { class: 'name', title: `${programPath(p)}, user ${userName(p)}, profile ${visible(p.profile)}` }, programName(p), el('span', { class: 'dim' }, ` ${userName(p)}`)),
    bar(counts, most), el('span', { class: 'count', title: reasons(counts) }, number(n)))));
  const legend = el('ul', { class: 'legend' }, used.map((what) => el('li', { title: meanings[what] }, el('span', { class: 'key c' + colours[what], 'aria-hidden': 'true' }), what)));
  const more = rest.length ? [el('p', { class: 'dim' }, `and ${number(rest.length)} more programs`)] : [];
  return [legend, list, ...more];
}

function bar(counts, most) {
  const drawing = svg('svg', { role: 'img', 'aria-label': reasons(counts), viewBox: '0 0 100 10', preserveAspectRatio: 'none' });
  let x = 0;
  for (const what of [...kinds, ...Object.keys(counts).filter((w) => !kinds.includes(w))]) {
    const width = 100 * (counts[what] ?? 0) / most;
    if (width > 0) drawing.append(svg('rect', { class: 'bar c' + (colours[what] ?? 7), x, y: 0, width, height: 10 }));
    x += width;
  }
  return drawing;
}

function table(last) {
  const now = new Date();
  const names = ['Time', 'ID', 'Program', 'What', 'To or from', 'Why'];
  const classes = ['short', 'num', null, null, 'wide', 'wider'];
  return el('table', { class: 'list', 'aria-label': 'The last refusals' },
    el('thead', {}, el('tr', {}, names.map((name, i) => el('th', { scope: 'col', class: classes[i] }, name)))),
    el('tbody', {}, last.map((f) => {
      const cells = [
        moment(new Date(f.time), now), f.id ?? '', programName(f.program), el('span', { class: 'pill warn', title: meanings[f.what] }, visible(f.what)),
        visible(f.name || f.peer), el('span', {}, visible(f.sentence), f.position ? el('span', { class: 'dim' }, ` (${visible(f.position)})`) : null),
      ];
      return el('tr', {}, cells.map((cell, i) => el('td', { class: classes[i], 'data-label': names[i], title: i === 2 ? programPath(f.program) : null }, cell)));
    })));
}
