// Which charts there are, and what of a point each of them shows.
import { Chart } from './chart.js';
import { rest } from './history.js';
import { bytes, number, visible } from './dom.js';

const most = 6; // names with a colour of their own; the other ones are one
const others = 'others', grey = 7;

// fixed are colours that mean the same on every day.
const fixed = { 'TLS 1.3': 0, 'TLS 1.2': 1 };

const single = (name, colour, value) => ({ series: [{ name, colour }], values: (p) => ({ [name]: value(p) }) });

const kinds = [
  { name: 'open', title: 'Open connections', unit: number, whole: true, stacked: true, pick: () => single('open', 0, (p) => p.open) },
  { name: 'bytes', title: 'Bytes per second', unit: (n) => bytes(n) + '/s', whole: true, pick: () => ({
    series: [{ name: 'received', colour: 0 }, { name: 'sent', colour: 4 }],
    values: (p) => ({ received: p.received / p.seconds, sent: p.sent / p.seconds }),
  }) },
  { name: 'versions', title: 'Handshakes by version', unit: number, whole: true, stacked: true, pick: (points) => named(points, 'versions') },
  { name: 'suites', title: 'Handshakes by cipher suite', unit: number, whole: true, stacked: true, pick: (points) => named(points, 'suites') },
  { name: 'resumed', title: 'Full and resumed handshakes', unit: number, whole: true, stacked: true, pick: () => ({
    series: [{ name: 'resumed', colour: 2 }, { name: 'full', colour: 3 }],
    values: (p) => { const all = Object.values(p.versions).reduce((a, b) => a + b, 0); return { resumed: p.resumed, full: Math.max(0, all - p.resumed) }; },
  }) },
  { name: 'troubles', title: 'Failed handshakes and refusals', unit: number, whole: true, pick: () => ({
    series: [{ name: 'failed', colour: 1 }, { name: 'refused', colour: 4 }], values: (p) => ({ failed: p.failed, refused: p.refused }),
  }) },
];

// colours are given out once, so that a name keeps its own.
const given = { versions: new Map(Object.entries(fixed)), suites: new Map() };

function colour(field, name) {
  if (name === rest) return grey;
  const known = given[field];
  if (!known.has(name)) {
    const used = new Set(known.values());
    known.set(name, [0, 1, 2, 3, 4, 5, 6].find((c) => !used.has(c)) ?? grey);
  }
  return known.get(name);
}

// named stacks counts by name, the most frequent ones at the bottom.
function named(points, field) {
  const totals = new Map();
  for (const p of points) {
    for (const [name, n] of Object.entries(p[field])) totals.set(name, (totals.get(name) ?? 0) + n);
  }
  const sorted = [...totals.keys()].sort((a, b) => totals.get(b) - totals.get(a) || (a < b ? -1 : 1));
  const own = sorted.slice(0, most).filter((name) => colour(field, name) !== grey || name === rest);
  const series = own.map((name) => ({ name: visible(name), colour: colour(field, name) }));
  if (own.length < sorted.length) series.push({ name: others, colour: grey });
  return { series, values: (p) => {
    const values = {};
    for (const [name, n] of Object.entries(p[field])) {
      const as = own.includes(name) ? visible(name) : others;
      values[as] = (values[as] ?? 0) + n;
    }
    return values;
  } };
}

export class Charts {
  constructor(box) {
    this.all = kinds.map((kind) => ({ kind, chart: new Chart(box, kind) }));
  }

  show(points, now, range) {
    for (const { kind, chart } of this.all) {
      const { series, values } = kind.pick(points);
      chart.show(points.map((p) => ({ time: p.time, values: values(p) })), series, now, range);
    }
  }
}
