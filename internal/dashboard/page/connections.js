// The live connections: sorted, filtered, each with a row that stays its own.
import { el, setText, bytes, number, long, visible, programName, programPath, userName } from './dom.js';

const mostRows = 200;

const versionOf = (c) => c.state === 'handshake' ? 'connecting' : visible(c.version);

// columns: what is shown of a connection, what it is sorted by, and a title.
const columns = [
  { name: 'ID', kind: 'num id', text: (c) => String(c.id), by: (c) => Number(c.id) },
  { name: 'Program', kind: 'wide', text: (c) => programName(c.program), title: (c) => `${programPath(c.program)}, process ${c.program.pid ?? '?'}, profile ${visible(c.program.profile)}` },
  { name: 'User', text: (c) => userName(c.program) },
  { name: 'Role', text: (c) => visible(c.role) },
  { name: 'Peer', kind: 'wide peer', text: (c) => peer(c), title: (c) => [c.peer && 'at ' + visible(c.peer), c.peer_identity && 'verified as ' + visible(c.peer_identity)].filter(Boolean).join(', ') },
  { name: 'Version', kind: 'short', text: versionOf },
  { name: 'Suite', kind: 'wider', text: (c) => visible(c.suite), title: (c) => [c.group && 'key exchange ' + visible(c.group), c.alpn && 'ALPN ' + visible(c.alpn)].filter(Boolean).join(', ') },
  { name: 'Resumed', text: (c) => c.state === 'handshake' ? '' : c.resumed ? 'yes' : 'no' },
  { name: 'Sent', kind: 'num', text: (c) => bytes(c.sent), by: (c) => c.sent },
  { name: 'Received', kind: 'num', text: (c) => bytes(c.received), by: (c) => c.received },
  { name: 'Age', kind: 'num', text: (c, now) => long((now - new Date(c.began)) / 1000), by: (c) => -new Date(c.began) },
];

function peer(c) {
  return visible(c.role === 'client' && c.name ? c.name : c.peer || c.name);
}

export class Connections {
  column = 0;
  down = true;
  rows = new Map(); // by ID
  all = [];

  constructor(box, filter) {
    this.filter = filter;
    this.heads = columns.map((column, i) => {
      const button = el('button', { type: 'button' }, column.name);
      button.addEventListener('click', () => this.sort(i));
      return el('th', { scope: 'col', class: column.kind }, button);
    });
    this.body = el('tbody');
    this.table = el('table', { class: 'list', 'aria-labelledby': 'h-live' }, el('thead', {}, el('tr', {}, this.heads)), this.body);
    this.note = el('p', { class: 'dim more', role: 'status' });
    box.append(el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Live connections' }, this.table), this.note);
    filter.addEventListener('input', () => this.draw());
  }

  sort(column) {
    this.down = this.column === column ? !this.down : Boolean(columns[column].by);
    this.column = column;
    this.draw();
  }

  show(status, now) {
    this.all = status.connections;
    this.leftOut = status.left_out ?? 0;
    this.now = now;
    this.draw();
  }

  draw() {
    const words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = this.all.filter((c) => words.length === 0 || matches(c, words));
    found.sort(this.order());
    const shown = found.slice(0, mostRows);
    this.place(shown);
    this.heads.forEach((th, i) => {
      if (i === this.column) th.setAttribute('aria-sort', this.down ? 'descending' : 'ascending');
      else th.removeAttribute('aria-sort');
    });
    this.table.hidden = shown.length === 0;
    setText(this.note, this.sentence(found.length, shown.length));
  }

  sentence(found, shown) {
    const parts = [];
    if (found === 0) parts.push(this.all.length ? 'No connection has these words.' : 'No connection is open.');
    if (shown < found) parts.push(`${number(found - shown)} more; filter to see them.`);
    if (this.leftOut) parts.push(`${number(this.leftOut)} older ones are not told.`);
    return parts.join(' ');
  }

  order() {
    const { by, text } = columns[this.column];
    const value = by ?? ((c) => text(c, this.now).toLowerCase());
    const sign = this.down ? -1 : 1;
    return (a, b) => {
      const x = value(a), y = value(b);
      return x < y ? -sign : x > y ? sign : Number(a.id) - Number(b.id);
    };
  }

  // place has the rows in this order, moving only those that are elsewhere.
  place(shown) {
    const before = this.rows;
    this.rows = new Map();
    shown.forEach((c, i) => {
      const row = before.get(c.id) ?? el('tr', {}, columns.map((column) => el('td', { class: column.kind, 'data-label': column.name })));
      before.delete(c.id);
      this.rows.set(c.id, row);
      columns.forEach(({ text, title }, j) => {
        setText(row.children[j], text(c, this.now));
        if (title && row.children[j].title !== title(c)) row.children[j].title = title(c);
      });
      if (this.body.children[i] !== row) this.body.insertBefore(row, this.body.children[i] ?? null);
    });
    for (const row of before.values()) row.remove();
  }
}

function matches(c, words) {
  const text = [c.id, programPath(c.program), c.program.pid, userName(c.program), c.program.profile, c.role, c.name, c.peer, c.peer_identity,
    versionOf(c), c.suite, c.group, c.alpn, c.identity].join(' ').toLowerCase();
  return words.every((word) => text.includes(word));
}
