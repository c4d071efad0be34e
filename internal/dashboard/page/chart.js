// One chart of values over time: stacked areas or lines, drawn as SVG, with
// what each point is when a pointer or the arrow keys are on it, and a table.
import { el, svg, setText, clock, date } from './dom.js';

const height = 190, top = 8, bottom = 22, right = 6;
const shortest = 5 * 60 * 1000; // of the time that is shown
const lengths = { hour: 3600 * 1000, day: 24 * 3600 * 1000 };

export class Chart {
  // of: title, unit (how a value is written), stacked, whole (values are counts).
  constructor(box, of) {
    this.of = of;
    this.at = -1; // the point that is pointed at
    const id = 'chart-' + of.name;
    this.legend = el('ul', { class: 'legend' });
    this.svg = svg('svg', { 'aria-hidden': 'true', focusable: 'false' });
    this.tip = el('div', { class: 'tip', hidden: true });
    this.plot = el('div', { class: 'plot', tabindex: '0', role: 'group', 'aria-roledescription': 'chart', 'aria-labelledby': id }, this.svg, this.tip);
    this.told = el('p', { class: 'empty', hidden: true }, 'Nothing yet.');
    this.spoken = el('div', { class: 'sr', 'aria-live': 'polite' });
    this.numbers = el('div', { class: 'numbers', tabindex: '0', role: 'region', 'aria-label': of.title + ', as a table' });
    this.details = el('details', {}, el('summary', {}, 'Table'), this.numbers);
    box.append(el('div', { class: 'chart', id: of.name }, el('h3', { id }, of.title), this.plot, this.told, this.spoken, this.legend, this.details));
    this.listen();
  }

  listen() {
    this.plot.addEventListener('pointermove', (e) => this.point(this.nearest(e.clientX - this.plot.getBoundingClientRect().left)));
    this.plot.addEventListener('pointerleave', () => this.point(-1));
    this.plot.addEventListener('blur', () => this.point(-1));
    this.plot.addEventListener('keydown', (e) => {
      const end = this.points.length - 1;
      const to = { ArrowLeft: this.at < 0 ? end : this.at - 1, ArrowRight: this.at < 0 ? 0 : this.at + 1, Home: 0, End: end, Escape: -1 }[e.key];
      if (to === undefined) return;
      e.preventDefault();
      this.point(e.key === 'Escape' ? -1 : Math.min(end, Math.max(0, to)));
      setText(this.spoken, this.at < 0 ? '' : [...this.tip.children].map((line) => [...line.children].map((c) => c.textContent).join(' ')).join(', '));
    });
    this.details.addEventListener('toggle', () => this.table());
    new ResizeObserver(() => this.draw()).observe(this.plot);
  }

  // show takes points (time, values by name) and series (name, colour), which
  // are stacked in this order.
  show(points, series, now, range) {
    const pointed = this.points?.[this.at]?.time.getTime();
    Object.assign(this, { points, series, now, range });
    this.at = pointed === undefined ? -1 : points.findIndex((p) => p.time.getTime() === pointed);
    this.told.hidden = points.length > 0;
    this.plot.hidden = points.length === 0;
    const names = series.map((s) => s.name).join('\n');
    if (this.names !== names) {
      this.names = names;
      this.legend.replaceChildren(...series.map((s) => el('li', {}, key(s), s.name)));
    }
    this.draw();
    this.table();
  }

  scales() {
    const { points, series } = this;
    const from = Math.max(this.now - lengths[this.range], Math.min(points[0].time, this.now - shortest));
    let most = 0;
    for (const p of points) {
      const values = series.map((s) => p.values[s.name] ?? 0);
      most = Math.max(most, this.of.stacked ? values.reduce((a, b) => a + b, 0) : Math.max(0, ...values));
    }
    const ticks = steps(most, this.of.whole);
    this.left = 14 + 6.2 * Math.max(...ticks.map((t) => this.of.unit(t).length));
    const wide = this.width - this.left - right, high = height - top - bottom, highest = ticks.at(-1);
    this.from = from;
    this.x = (t) => this.left + wide * Math.min(1, Math.max(0, (t - from) / (this.now - from)));
    this.y = (v) => top + high * (1 - v / highest);
    return ticks;
  }

  draw() {
    this.width = this.plot.clientWidth;
    if (!this.points?.length || this.width < 60) return;
    const parts = [];
    for (const t of this.scales()) {
      parts.push(svg('line', { class: t === 0 ? 'axis' : 'grid', x1: this.left, x2: this.width - right, y1: this.y(t), y2: this.y(t) }),
        svg('text', { x: this.left - 6, y: this.y(t) + 4, 'text-anchor': 'end' }, this.of.unit(t)));
    }
    for (const t of times(this.from, this.now, Math.max(2, Math.floor(this.width / 110)))) {
      const x = this.x(t);
      if (x > this.left + 14 && x < this.width - 20) parts.push(svg('text', { x, y: height - 5, 'text-anchor': 'middle' }, clock(new Date(t), false)));
    }
    parts.push(...(this.of.stacked ? this.areas() : this.lines()));
    this.cross = svg('line', { class: 'cross', y1: top, y2: height - bottom, visibility: 'hidden' });
    this.svg.setAttribute('viewBox', `0 0 ${this.width} ${height}`);
    this.svg.replaceChildren(...parts, this.cross);
    this.point(this.at);
  }

  areas() {
    const shown = this.points.filter((p) => p.time >= this.from);
    const base = shown.map(() => 0), parts = [];
    for (const s of this.series) {
      const lower = shown.map((p, i) => [this.x(p.time), this.y(base[i])]);
      shown.forEach((p, i) => { base[i] += p.values[s.name] ?? 0; });
      const upper = shown.map((p, i) => [this.x(p.time), this.y(base[i])]);
      if (shown.length === 1) parts.push(svg('rect', { class: 'area c' + s.colour, x: upper[0][0] - 3, width: 6, y: upper[0][1], height: lower[0][1] - upper[0][1] }));
      else parts.push(svg('path', { class: 'area c' + s.colour, d: path(upper) + path(lower.reverse()).replace('M', 'L') + 'Z' }));
    }
    return parts;
  }

  lines() {
    const shown = this.points.filter((p) => p.time >= this.from);
    return this.series.map((s) => {
      const at = shown.map((p) => [this.x(p.time), this.y(p.values[s.name] ?? 0)]);
      if (at.length === 1) return svg('circle', { class: 'mark c' + s.colour, cx: at[0][0], cy: at[0][1], r: 3.5 });
      return svg('path', { class: 'curve c' + s.colour, d: path(at) });
    });
  }

  nearest(x) {
    let best = -1, distance = Infinity;
    this.points.forEach((p, i) => {
      const d = Math.abs(this.x(p.time) - x);
      if (p.time >= this.from && d < distance) [best, distance] = [i, d];
    });
    return best;
  }

  // point points at a point; -1 is none.
  point(at) {
    this.at = at;
    const p = this.points?.[at];
    this.tip.hidden = !p;
    this.cross?.setAttribute('visibility', p ? 'visible' : 'hidden');
    if (!p || !this.cross) return;
    const x = this.x(p.time);
    this.cross.setAttribute('x1', x);
    this.cross.setAttribute('x2', x);
    const shown = this.series.filter((s) => p.values[s.name] || this.series.length <= 2);
    this.tip.replaceChildren(el('div', {}, el('strong', {}, clock(p.time))),
      ...(shown.length ? shown.toReversed() : []).map((s) => el('div', {}, key(s), el('span', {}, s.name), el('span', {}, this.of.unit(p.values[s.name] ?? 0)))),
      ...(shown.length ? [] : [el('div', {}, el('span', {}, 'none'))]));
    this.tip.style.left = Math.max(0, x > this.width / 2 ? x - this.tip.offsetWidth - 10 : x + 10) + 'px';
  }

  table() {
    if (!this.details.open || !this.points) return;
    const place = this.numbers.scrollTop;
    this.numbers.replaceChildren(el('table', {},
      el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'Until'), this.series.map((s) => el('th', { scope: 'col', class: 'num' }, s.name)))),
      el('tbody', {}, this.points.toReversed().map((p) => el('tr', {}, el('th', { scope: 'row' }, `${date(p.time)} ${clock(p.time)}`),
        this.series.map((s) => el('td', { class: 'num' }, this.of.unit(p.values[s.name] ?? 0))))))));
    this.numbers.scrollTop = place;
  }
}

const key = (s) => el('span', { class: 'key c' + s.colour, 'aria-hidden': 'true' });

const path = (at) => at.map(([x, y], i) => `${i ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');

// steps are round numbers from zero to at least the most; of counts, whole ones.
function steps(most, whole) {
  const end = most || 1, decade = 10 ** Math.floor(Math.log10(end / 4));
  let step = [1, 2, 5, 10].map((f) => f * decade).find((s) => end / s <= 4);
  if (whole) step = Math.max(1, step);
  const all = [0];
  while (all.at(-1) < end) all.push(all.length * step);
  return all;
}

// times are round times between two, not more than some.
function times(from, to, most) {
  const minutes = [1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720].find((m) => (to - from) / (m * 60000) <= most) ?? 1440;
  const step = minutes * 60000, zone = new Date(+to).getTimezoneOffset() * 60000, all = [];
  for (let t = Math.ceil((from - zone) / step) * step + zone; t <= to; t += step) all.push(t);
  return all;
}
