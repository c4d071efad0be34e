// Points over time. Who sees all users is told them by the service. Who sees
// his own programs alone is not; then this page counts, from when it was opened.

const kept = 360; // of the points counted here
const counted = 10; // seconds each of them is of
export const rest = '(ended between looks)';

function copy(p, seconds) {
  return {
    time: new Date(p.time), seconds, open: p.open, versions: p.versions ?? {}, suites: p.suites ?? {},
    resumed: p.resumed ?? 0, failed: p.failed ?? 0, refused: p.refused ?? 0, sent: p.sent ?? 0, received: p.received ?? 0,
  };
}

const total = (counts) => Object.values(counts ?? {}).reduce((a, b) => a + b, 0);

export class History {
  series = null; // as last told
  own = [];
  before = null; // the sums at the end of the last point, and who was there

  // add takes in an answer, which need not have the series.
  add(status) {
    if (status.series) {
      this.series = status.series.map((s) => ({ step: s.step_seconds, points: (s.points ?? []).map((p) => copy(p, s.step_seconds)) }));
    }
    if (status.all_users) return;
    this.series = null;
    this.count(status);
  }

  count(status) {
    const now = new Date(status.time);
    this.seen ??= new Map();
    for (const c of status.connections) {
      if (c.state === 'connected') this.seen.set(c.id, c);
    }
    const sums = {
      time: now, started: status.service.started, handshakes: status.totals.handshakes, resumed: status.totals.resumed, failed: total(status.totals.failed),
      refused: total(status.totals.refused), sent: status.totals.sent, received: status.totals.received,
    };
    if (!this.before || this.before.started !== sums.started) {
      this.before = sums;
      this.known = new Set(this.seen.keys());
      return;
    }
    if (now - this.before.time < counted * 1000) return;
    this.own.push(this.point(sums, status.totals.open));
    if (this.own.length > kept) this.own.shift();
    this.before = sums;
    this.known = new Set(status.connections.map((c) => c.id));
    this.seen = new Map();
  }

  // point is what happened since the last one.
  point(sums, open) {
    const p = copy({ time: sums.time, open }, (sums.time - this.before.time) / 1000);
    for (const name of ['resumed', 'failed', 'refused', 'sent', 'received']) p[name] = Math.max(0, sums[name] - this.before[name]);
    let left = Math.max(0, sums.handshakes - this.before.handshakes);
    for (const [id, c] of this.seen) {
      if (this.known.has(id) || left === 0) continue;
      p.versions[c.version] = (p.versions[c.version] ?? 0) + 1;
      p.suites[c.suite] = (p.suites[c.suite] ?? 0) + 1;
      left--;
    }
    if (left > 0) p.versions[rest] = p.suites[rest] = left;
    return p;
  }

  // points are those to show, and what is to be said of them.
  points(status, range) {
    if (status.all_users) {
      const of = this.series?.[range === 'day' ? 1 : 0];
      return { points: of?.points ?? [], note: '' };
    }
    return { points: this.own, note: 'Counted by this page since it was opened. The service tells the last day to the administrator alone.' };
  }
}
