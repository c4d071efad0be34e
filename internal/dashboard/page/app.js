// The page: looks every two seconds and shows what it is told.
import { el, setText, long, clock, moment, visible } from './dom.js';
import { showTiles } from './tiles.js';
import { Charts } from './charts.js';
import { History } from './history.js';
import { Connections } from './connections.js';
import { showRefusals } from './refusals.js';
import { showCertificates } from './certificates.js';

const every = 2000; // between looks
const seriesEvery = 10000; // the service adds a point every ten seconds
const patience = 15000; // for one answer

const find = (id) => document.getElementById(id);

// key is what the address that `ssa dashboard` wrote has behind its '#'. It is
// kept for this tab alone, and does not stay in the address.
function key() {
  const given = /^#key=([A-Z2-7]+)$/.exec(location.hash);
  if (given) {
    sessionStorage.setItem('key', given[1]);
    history.replaceState(null, '', location.pathname);
  }
  return sessionStorage.getItem('key') ?? '';
}

// Away is that there is nothing new to show, and why.
class Away extends Error {}

async function look(series) {
  let answer, text;
  try {
    answer = await fetch('status.json' + (series ? '?series=1' : ''), {
      headers: { Authorization: 'Bearer ' + key() }, cache: 'no-store', signal: AbortSignal.timeout(patience),
    });
    text = await answer.text();
  } catch {
    throw new Away('`ssa dashboard` does not answer: it may have been ended');
  }
  try {
    const told = parse(text);
    if (answer.ok) return told;
    throw new Away(visible(told.problem));
  } catch (e) {
    throw e instanceof Away ? e : new Away(`\`ssa dashboard\` answers in a way that is not understood (${answer.status})`);
  }
}

// parse keeps the numbers of connections as they are written: they have 64
// bits, numbers here have 53.
function parse(text) {
  return JSON.parse(text, (name, value, context) => name === 'id' ? context?.source ?? String(value) : value);
}

const charts = new Charts(find('charts'));
const connections = new Connections(find('connections'), find('filter'));
const past = new History();
let range = 'hour', seriesAt = -Infinity, last = null;

function show(status) {
  last = status;
  const now = new Date(status.time);
  setText(find('service'), `${visible(status.service.build)} \u00b7 up ${long((now - new Date(status.service.started)) / 1000)}` +
    (status.all_users ? ' \u00b7 all users' : ' \u00b7 your own programs'));
  showTiles(find('tiles'), status);
  connections.show(status, now);
  showRefusals(find('refusals'), status);
  showCertificates(find('certificates'), status, now);
  past.add(status);
  showCharts();
  notices(warnings(status));
}

function showCharts() {
  if (!last) return;
  const { points, note } = past.points(last, range);
  setText(find('time-note'), note);
  find('time-note').hidden = note === '';
  charts.show(points, new Date(last.time), range);
}

function warnings(status) {
  const all = [];
  if (status.service.policy_reloads?.problem) {
    all.push(['bad', `The last reload of the policy failed, the one before holds: ${visible(status.service.policy_reloads.problem)}`]);
  }
  for (const k of status.key_logs ?? []) {
    all.push(['bad', `Key log: the secrets of profile ${visible(k.profile)} are written to a file until ${moment(new Date(k.until), new Date(status.time))} (switched on by user ${k.by}, ${k.written} lines so far).`]);
  }
  return all;
}

function notices(all) {
  const box = find('notices');
  const text = JSON.stringify(all);
  if (box.dataset.shown === text) return; // not to be read aloud again
  box.dataset.shown = text;
  box.replaceChildren(...all.map(([kind, sentence]) => el('p', { class: 'notice ' + kind }, sentence)));
}

function state(here, text) {
  find('state').className = here ? 'here' : 'away';
  setText(find('state-text'), text);
  find('main').classList.toggle('stale', !here);
}

async function turn() {
  try {
    const series = performance.now() - seriesAt >= seriesEvery;
    const status = await look(series);
    if (series) seriesAt = performance.now();
    show(status);
    find('main').hidden = false;
    state(true, 'live');
  } catch (e) {
    seriesAt = -Infinity;
    if (!(e instanceof Away)) {
      console.error(e);
    }
    state(false, last ? `as of ${clock(new Date(last.time))}` : 'nothing to show yet');
    notices([['bad', e instanceof Away ? e.message : 'this page has a fault: ' + e]]);
  }
}

function choose(which) {
  range = which;
  for (const name of ['hour', 'day']) find('range-' + name).setAttribute('aria-pressed', String(name === which));
  showCharts();
}

find('range-hour').addEventListener('click', () => choose('hour'));
find('range-day').addEventListener('click', () => choose('day'));
window.addEventListener('hashchange', key); // a new address in the same tab

// run looks again and again, while somebody can see it.
async function run() {
  for (;;) {
    if (document.hidden) await new Promise((done) => document.addEventListener('visibilitychange', done, { once: true }));
    await turn();
    await new Promise((done) => setTimeout(done, every));
  }
}

key();
run();
